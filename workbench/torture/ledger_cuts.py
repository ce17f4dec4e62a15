"""The device's ledger with the power cut while it migrates, moves rows between streams, salvages and prunes: every row stays, once.

Each device begins with a file as an earlier version left it, and now and then finds its own file damaged, so that it is put aside
and taken over again. The rows are the kiosk's; whoever drives the ledger is `workbench.torture.ledger_driver`.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from kiosk.ledger.keeper import Keeper
from kiosk.ledger.pages import read_log
from wire.events import StreamId
from workbench.installation import ROOT
from workbench.torture import former_ledger, journal
from workbench.torture.card import Card
from workbench.torture.cuts import Findings, Tell, Wrong, cut_life, life_of, quiet
from workbench.torture.journal import Kind, Record
from workbench.torture.ledger_driver import READ_AT_ONCE, Clock, rating, visit_of, work_off
from workbench.torture.shim import Shim

LIVES: Final = 12
FORMER_ROWS: Final = 1_200
"""Rows in the file that an earlier version left: more than fit into two bites."""
MOST_ACTS: Final = 120
PATIENCE_S: Final = 300.0
FILE: Final = "ledger-cut.sqlite3"
DAMAGE: Final = 0.5
"""How often a file is damaged between two lives."""


@dataclass
class Promises:
    """What must be true of a device's ledger. `tried` may be in it too, `backed` need not."""

    recorded: set[int] = field(default_factory=set)
    tried: set[int] = field(default_factory=set)
    backed: set[int] = field(default_factory=set)

    def after(self, records: Iterable[Record]) -> "Promises":
        """With what the marks among `records` say."""
        known = Promises(set(self.recorded), set(self.tried), set(self.backed))
        sets = {"recorded": known.recorded, "try": known.tried, "backed": known.backed}
        for record in records:
            if record.kind is Kind.MARK:
                word, *visits = record.first.decode().split()
                sets.get(word, set()).update(map(int, visits))
        return known


def cut_ledgers(folder: Path, *, cuts: int, seed: int, tree: Path = ROOT, tell: Tell = quiet) -> Findings:
    """`cuts` lives of ledgers run from `tree`, each ended by a power cut."""
    findings = Findings()
    number = 0
    while findings.lives < cuts:
        place = folder / f"ledger-{number}"
        state = place / "state"
        state.mkdir(parents=True)
        chance = life_of(number, seed=seed)
        former = range(1, FORMER_ROWS + 1)
        former_ledger.make(state / FILE, StreamId(chance.randbytes(16)), map(rating, former))
        promises = Promises(set(former), set(former))
        life = 0
        try:
            while life < LIVES and findings.lives < cuts:
                life += 1
                promises = _live(place, promises, chance, findings, tree)
                tell(findings)
        except Wrong as fault:
            findings.lose(f"ledger {number}, life {life}: {fault} (see {place})")
            tell(findings)
        else:
            shutil.rmtree(place)
        number += 1
    return findings


def _live(place: Path, promises: Promises, chance: Random, findings: Findings, tree: Path) -> Promises:
    state = place / "state"
    if promises.tried != set(range(1, FORMER_ROWS + 1)) and chance.random() < DAMAGE:
        _damage(state / FILE)
    shim = Shim(state, place)
    card = Card(state)
    arguments = [str(state / FILE), str(max(promises.tried) + 1), str(chance.random()), str(chance.randint(0, MOST_ACTS))]
    done = subprocess.run(
        [
            *("setpriv", "--pdeathsig", "KILL", "--", "env", *(f"{name}={value}" for name, value in shim.environment.items())),
            *(sys.executable, "-P", "-m", "workbench.torture.ledger_driver", *arguments),
        ],
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    shim.close()
    if done.returncode != 0:
        raise Wrong(f"the ledger failed by itself: {done.stderr[-1500:]}")
    records = journal.read(shim.journal)
    try:
        found, happened = cut_life(
            card, records, state, chance, findings, lambda image, happened: _judge(image, promises.after(happened))
        )
    except Wrong as fault:
        raise Wrong(f"{fault}; acts: {' '.join(arguments[1:])}") from fault
    known = promises.after(happened)
    findings.thanked += len(known.recorded) - len(promises.recorded)
    findings.survivors += len(found - known.recorded)
    # What came through although nobody had been told is the ledger's now, and stays.
    known.recorded |= found
    return known


def _judge(image: Path, promises: Promises) -> set[int]:
    """Opens what was found, lets it do all its work, and reads it to the end: whose rows it holds. The image stays as it was
    found. Raises `Wrong`."""
    with TemporaryDirectory(dir=image.parent) as copy:
        state = Path(copy) / "state"
        shutil.copytree(image, state)
        clock = Clock()
        keeper = Keeper(state / FILE, now=clock)
        expected = _is_damaged(state / FILE)
        keeper.open()
        try:
            if keeper.quarantined and not expected:
                raise Wrong("the ledger was put aside, and nothing had damaged it")
            work_off(keeper, clock)
            standing = keeper.standing()
            found: list[int] = []
            first = standing.oldest
            while first < standing.next:
                rows = keeper.read(standing.stream, first, READ_AT_ONCE).rows
                found += map(visit_of, rows)
                first += len(rows)
        finally:
            keeper.close()
    if standing.moving:
        raise Wrong(f"{standing.moving} rows are never taken over")
    if missing := promises.recorded - promises.backed - set(found):
        raise Wrong(f"{len(missing)} rows are gone: visits {min(missing)} … {max(missing)}")
    if len(set(found)) != len(found):
        raise Wrong(f"{len(found) - len(set(found))} rows are there twice")
    if invented := set(found) - promises.tried:
        raise Wrong(f"rows that nobody recorded: {sorted(invented)[:5]}")
    return set(found)


def _damage(file: Path) -> None:
    """So that it cannot be taken for a ledger, and every row can still be read."""
    log, hidden = (file.with_name(file.name + end) for end in ("-wal", "-log"))
    if not file.exists() or hidden.exists() or any(file.parent.glob(f"{file.name}-aside-*")):
        return  # half of it has been put aside already: this would be writing into a file without its log
    if read_log(log).beyond:
        return  # the last cut tore the log: SQLite would delete it with rows that the ledger puts back, and that have been found
    with closing(sqlite3.connect(file)) as database, database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
            return  # a new ledger whose birth the last cut broke off
        database.execute("UPDATE meta SET value = zeroblob(20) WHERE key = 'stream'")


def _is_damaged(file: Path) -> bool:
    """Whether this is the file that was damaged, or what is left of putting it aside. Reads a copy: SQLite would mend the log."""
    if any(file.parent.glob(f"{file.name}-aside-*")):
        return True
    with TemporaryDirectory(dir=file.parent.parent) as place:
        for part in file.parent.glob(f"{file.name}*"):
            shutil.copy(part, place)
        try:
            with closing(sqlite3.connect(Path(place) / file.name)) as database:
                return bool(database.execute("SELECT value FROM meta WHERE key = 'stream'").fetchone() == (bytes(20),))
        except sqlite3.Error:
            return False
