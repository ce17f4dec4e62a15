"""How the device is, for staff who stand in front of it: the running kiosk's last report, as nobody else may open its ledger."""

import time
from pathlib import Path
from typing import Final

import msgspec

from kiosk.texts import Texts
from wire.envelopes import Health

FILE: Final = "status.json"
STALE_S: Final = 150
"""Two reports missed and a half: the kiosk is not running."""


class Status(msgspec.Struct, frozen=True):
    """The last report. `written` is seconds since the epoch by the device's clock; `up` whether the server could be reached, by
    `way`. `recorded`, `delivered` and `backed_up` count entries of the present series, `behind` those that were recorded before it
    and stay in the server's backups; it is None where the series is the first.

    `waiting_since` is the oldest entry that the server has not said it has, `gap` what the server last lacked (first, last, when):
    ms since the epoch, None where no clock knew. `forked_at` is the row from which on a copy of this device had used its name.
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
    backed_up: int = 0
    waiting_since: int | None = None
    gap: tuple[int, int, int | None] | None = None
    way: str = "mqtt"
    behind: int | None = None


def of(report: Health, *, device: str, up: bool, behind: int | None = None, running: bool = True) -> Status:
    """What `report` says, for staff. What is still to be taken over from an earlier stream or file counts as recorded here."""
    gap, fork = report.gap, report.fork
    return Status(
        device=device,
        written=time.time(),
        running=running,
        up=up,
        recorded=report.recorded + report.moving,
        delivered=report.stored_through,
        config=report.config,
        free_bytes=report.free_bytes,
        notes=report.notes,
        forked_at=None if fork is None else fork.row,
        backed_up=report.backed_through,
        waiting_since=report.waiting_since,
        gap=None if gap is None else (gap.first, gap.last, gap.wall),
        way=report.way,
        behind=behind,
    )


def keep(folder: Path, status: Status) -> None:
    """Leaves `status` in `folder`, whole or not at all. Raises `OSError`."""
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
                "There is a copy of this device: it had sent other entries under its name from No. {row} on. Switch the copy off."
                " Nothing is lost: this device goes on with a new series of entries.",
                row=status.forked_at,
            )
        )
    if status.behind is not None and status.forked_at is None:
        lines.append(
            say(
                "This device has begun a new series of entries, because its card was damaged or copied. What the card still held is"
                " sent once more and counted once."
            )
        )
    lines.append(line(status, texts, language))
    if running and not status.up:
        lines.append(say("The server is not reached: answers are kept here meanwhile."))
    elif running and status.way == "https":
        lines.append(say("The server is connected by HTTPS, because MQTT does not get through."))
    elif running:
        lines.append(say("The server is connected."))
    lines.append(say("Version of the configuration: {version}.", version=status.config))
    lines.append(say("Free on the card: {mib} MiB.", mib=status.free_bytes // 2**20))
    lines.extend(say("Note: {note}", note=note) for note in status.notes)
    return lines


def line(status: Status, texts: Texts, language: str) -> str:
    """What has become of the entries, in one line."""

    def say(message: str, **values: object) -> str:
        return texts.say(language, message, **values)

    said = [
        say("Recorded {n}", n=status.recorded)
        if status.behind is None
        else say("In the new series: recorded {n}", n=status.recorded),
        say("delivered {n}", n=status.delivered),
        say("in the backup {n}", n=status.backed_up),
    ]
    if status.waiting_since is not None:
        said.append(say("waiting since {when}", when=_moment(status.waiting_since)))
    elif status.recorded > status.delivered:
        said.append(say("{n} waiting, since when is not known", n=status.recorded - status.delivered))
    else:
        said.append(say("nothing waits"))
    if status.gap is not None:
        first, last, wall = status.gap
        when = say("when is not known") if wall is None else _moment(wall)
        said.append(say("last gap No. {first}–{last}, {when}", first=first, last=last, when=when))
    else:
        said.append(say("no gaps"))
    if status.behind:
        said.append(say("before this series {n} more, all in the backup", n=status.behind))
    return " · ".join(said)


def _moment(wall: int) -> str:
    """`wall` (ms since the epoch) by the device's own local time, as day, month, hour and minute."""
    return time.strftime("%d.%m %H:%M", time.localtime(wall / 1000))


def _last_report(seconds: int, texts: Texts, language: str) -> str:
    minutes = max(0, seconds) // 60
    if minutes == 0:
        return texts.say(language, "Last report: just now.")
    if minutes < 120:
        return texts.count(language, "Last report: {n} minute ago.", "Last report: {n} minutes ago.", minutes)
    if minutes < 48 * 60:
        return texts.count(language, "Last report: {n} hour ago.", "Last report: {n} hours ago.", minutes // 60)
    return texts.count(language, "Last report: {n} day ago.", "Last report: {n} days ago.", minutes // 1440)
