"""How the device is, for staff who stand in front of it: the running kiosk's last report, as nobody else may open its ledger."""

import time
from pathlib import Path
from typing import Final

import msgspec

from kiosk.core.progress import Progress, fork_note
from kiosk.texts import Texts
from wire.envelopes import Health

FILE: Final = "status.json"
STALE_S: Final = 150
"""Two reports missed and a half: the kiosk is not running."""


class Status(msgspec.Struct, frozen=True):
    """The last report. `written` is seconds since the epoch by the device's clock; `up` whether the server could be reached.

    `forked_at` is the row from which on another device had used this one's name: from then on nothing is delivered.
    """

    device: str
    written: float
    running: bool
    up: bool
    recorded: int
    delivered: int
    config: int
    free_bytes: int
    notes: list[str] = []
    forked_at: int | None = None


def keep(folder: Path, report: Health, progress: Progress, *, device: str, up: bool, running: bool = True) -> None:
    """Leaves `report` in `folder`, whole or not at all. Raises `OSError`."""
    forked_at = progress.forked_at
    status = Status(
        device=device,
        written=time.time(),
        running=running,
        up=up,
        recorded=report.recorded,
        delivered=report.stored_through,
        config=report.config,
        free_bytes=report.free_bytes,
        notes=[note for note in report.notes if forked_at is None or note != fork_note(forked_at)],
        forked_at=forked_at,
    )
    draft = folder / f"{FILE}.new"
    draft.write_bytes(msgspec.json.encode(status))
    draft.replace(folder / FILE)


def last(folder: Path) -> Status | None:
    """The last report left in `folder`, None where there is none."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Status)
    except (OSError, msgspec.MsgspecError):
        return None


def is_running(status: Status, now: float) -> bool:
    """Whether the kiosk that left `status` still runs, as far as a file can tell."""
    return status.running and now - status.written < STALE_S


def sentences(status: Status, now: float, texts: Texts, language: str) -> list[str]:
    """What staff should know, one line each."""

    def say(message: str, **values: object) -> str:
        return texts.say(language, message, **values)

    running = is_running(status, now)
    state = say("{device} is running.", device=status.device) if running else say("{device} is not running.", device=status.device)
    lines = [f"{state} {_last_report(int(now - status.written), texts, language)}"]
    if status.forked_at is not None:
        lines.append(
            say(
                "This device delivers nothing any more, because another one with its name sent other entries from No. {row} on:"
                " switch the copy off and enrol this device anew (./vidhuk kiosk enrol … --force);"
                " what is recorded here stays in its ledger.",
                row=status.forked_at,
            )
        )
    waiting = max(0, status.recorded - status.delivered)
    lines.append(
        say(
            "Entries recorded: {recorded}, delivered to the server: {delivered}, waiting: {waiting}.",
            recorded=status.recorded,
            delivered=status.delivered,
            waiting=waiting,
        )
    )
    if running:
        reached = say("The server is connected.")
        lines.append(reached if status.up else say("The server is not reached: answers are kept here meanwhile."))
    lines.append(say("Version of the configuration: {version}.", version=status.config))
    lines.append(say("Free on the card: {mib} MiB.", mib=status.free_bytes // 2**20))
    lines.extend(say("Note: {note}", note=note) for note in status.notes)
    return lines


def _last_report(seconds: int, texts: Texts, language: str) -> str:
    minutes = max(0, seconds) // 60
    if minutes == 0:
        return texts.say(language, "Last report: just now.")
    if minutes < 120:
        return texts.count(language, "Last report: {n} minute ago.", "Last report: {n} minutes ago.", minutes)
    if minutes < 48 * 60:
        return texts.count(language, "Last report: {n} hour ago.", "Last report: {n} hours ago.", minutes // 60)
    return texts.count(language, "Last report: {n} day ago.", "Last report: {n} days ago.", minutes // 1440)
