"""A kiosk whose power is cut, again and again: whatever the cut left, everybody who was thanked is in the ledger, in order, once.

One cut is one life: the real kiosk starts on what the last cut left, visitors press, the process ends, and a moment of that life is
drawn at which the power went. Further moments of the same life are looked at too, without living on from them.
"""

import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, TypeVar

from workbench.installation import ROOT
from workbench.torture import journal
from workbench.torture.card import Card, replace_folder
from workbench.torture.journal import Kind, Record
from workbench.torture.kiosk import Kiosk, kept_in, ratings_of
from workbench.torture.shim import Shim

LIVES: Final = 25
"""Cuts after which a new device begins: reading a ledger that grows for ever would take ever longer."""
GLANCES: Final = 4
"""Further moments of each life at which the power is cut as well, and only the ledger looked at."""
LONGEST_S: Final = 0.25
"""How long visitors press at most."""
MOST_PRESSES: Final = 60


@dataclass
class Findings:
    """What has come of it. `losses` are sentences, each with what is needed to see it again.

    A cut is a life that ended by one, was found whole, and was lived on from; `glances` are further moments of these lives.
    """

    cuts: int = 0
    glances: int = 0
    broken: int = 0
    """Lives whose end is among the losses: they were not lived on from."""
    thanked: int = 0
    survivors: int = 0
    """Ratings that nobody was thanked for and that were found all the same: the cut came in between."""
    losses: list[str] = field(default_factory=list)

    @property
    def lives(self) -> int:
        """Cut or broken."""
        return self.cuts + self.broken

    def lose(self, what: str) -> None:
        """A life has ended in a loss."""
        self.broken += 1
        self.losses.append(what)

    def plus(self, other: "Findings") -> "Findings":
        """What both have found."""
        return Findings(**{name: value + getattr(other, name) for name, value in vars(self).items()})


T = TypeVar("T")
Tell = Callable[[Findings], None]


def quiet(findings: Findings) -> None:
    """Tells nobody."""


class Wrong(Exception):
    """What was found in a ledger after a cut, and must never be."""


def life_of(number: int, *, seed: int) -> Random:
    """The chance of one device's life, whatever came before it."""
    return Random(f"{seed}/{number}")


def cut_life(
    card: Card,
    records: Sequence[Record],
    state: Path,
    chance: Random,
    findings: Findings,
    judge: Callable[[Path, Sequence[Record]], T],
) -> tuple[T, Sequence[Record]]:
    """Cuts the power at a moment of the life that `records` tell, after a glance at what earlier cuts would have left. `state`
    becomes what is found then. Returns what `judge` (image, what had happened) found there, and what had happened.

    Raises `Wrong` with whatever `judge` raises.
    """
    image = state.with_name("image")
    reached = 0

    def look(moment: int) -> T:
        nonlocal reached
        card.feed(records[reached:moment])
        reached = moment
        shutil.rmtree(image, ignore_errors=True)
        how = card.cut(chance, image)
        try:
            return judge(image, records[:moment])
        except Exception as fault:
            raise Wrong(
                f"{type(fault).__name__}: {fault} (cut after {moment} of {len(records)} events; survived: {how})"
            ) from fault

    *glances, last = sorted(chance.randrange(len(records) + 1) for _ in range(GLANCES + 1))
    for moment in glances:
        look(moment)
        findings.glances += 1
    found = look(last)
    findings.cuts += 1
    replace_folder(state, image)
    return found, records[:last]


def cut_kiosks(folder: Path, *, cuts: int, seed: int, tree: Path = ROOT, tell: Tell = quiet) -> Findings:
    """`cuts` lives of kiosks run from `tree`, below `folder`. The moments are drawn from `seed`; how far a kiosk has got by then
    is not.
    """
    findings = Findings()
    device = 0
    while findings.lives < cuts:
        place = folder / f"device-{device}"
        chance = life_of(device, seed=seed)
        kiosk = Kiosk(place, tree=tree)
        kiosk.enrol()
        before: list[bytes] = []
        life = 0
        try:
            while life < LIVES and findings.lives < cuts:
                life += 1
                before = _live(kiosk, before, chance, findings)
                tell(findings)
        except Wrong as fault:  # what comes after a loss proves nothing
            findings.lose(f"device {device}, life {life}: {fault} (see {place})")
            tell(findings)
        else:
            shutil.rmtree(place)
        device += 1
    return findings


def _live(kiosk: Kiosk, before: list[bytes], chance: Random, findings: Findings) -> list[bytes]:
    """One life and its end. Returns the rows that the next one begins with; raises `Wrong`."""
    kiosk.log.unlink(missing_ok=True)
    shim = Shim(kiosk.state, kiosk.folder)
    card = Card(kiosk.state)
    try:
        _press(kiosk, shim, chance)
        if kiosk.said("ledger-quarantined") or kiosk.said("Traceback"):
            raise Wrong(f"the kiosk could not read what the cut had left; see {kiosk.log}")
        records = journal.read(shim.journal)
    finally:
        shim.close()
    kept, happened = cut_life(card, records, kiosk.state, chance, findings, lambda image, happened: _judge(image, before, happened))
    thanked = sum(1 for record in happened if _is_thanks(record))
    findings.thanked += thanked
    findings.survivors += len(ratings_of(kept)) - len(ratings_of(before)) - thanked
    return kept


def _press(kiosk: Kiosk, shim: Shim, chance: Random) -> None:
    """A life: visitors press until the process ends, killed at a moment of its own or asked to stop."""
    child = kiosk.start(shim.environment)
    gently = chance.random() < 0.2
    while_starting = chance.random() < 0.1
    timer: threading.Timer | None = kiosk.kill_after(chance.uniform(0.05, 0.5)) if while_starting else None
    visitors = kiosk.visitors()
    if timer is None:
        timer = threading.Timer(chance.uniform(0.0, LONGEST_S), child.ask_to_stop if gently else child.kill)
        timer.start()
    for _ in range(MOST_PRESSES):
        value = chance.randint(1, 5)
        journal.mark(shim.journal, f"press {value}")
        if visitors.press(value) != "thanked":
            break
        journal.mark(shim.journal, f"thanked {value}")
    timer.join()
    if child.process is not None and gently and not while_starting:
        child.process.wait()
    child.kill()
    visitors.close()


def _judge(image: Path, before: list[bytes], records: Sequence[Record]) -> list[bytes]:
    """The rows that were found; raises `Wrong`, or whatever a ledger raises that cannot be opened."""
    marks = [record.first.decode().split() for record in records if record.kind is Kind.MARK]
    thanked = [int(value) for word, value in marks if word == "thanked"]
    pressed = [int(value) for word, value in marks if word == "press"]
    if not any(image.glob("ledger-*")):
        if before or thanked:
            raise Wrong(f"the ledger is gone, with {len(before)} rows and {len(thanked)} new ratings")
        return []
    kept = kept_in(image)
    if kept.rows[: len(before)] != before:
        raise Wrong(f"of {len(before)} rows that an earlier start had found, not all are there")
    came = kept.ratings()[len(ratings_of(before)) :]
    if came[: len(thanked)] != thanked:
        raise Wrong(f"thanked for {thanked}, and found {came}")
    if came != pressed[: len(came)]:
        raise Wrong(f"pressed were {pressed}, and found {came}")
    return kept.rows


def _is_thanks(record: Record) -> bool:
    return record.kind is Kind.MARK and record.first.startswith(b"thanked")
