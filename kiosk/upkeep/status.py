"""How the device is, for staff who stand in front of it: the running kiosk's last report, as nobody else may open its ledger."""

import time
from pathlib import Path
from typing import Final

import msgspec

from wire.envelopes import Health

FILE: Final = "status.json"
STALE_S: Final = 150
"""Two reports missed and a half: the kiosk is not running."""


class Status(msgspec.Struct, frozen=True):
    """The last report. `written` is seconds since the epoch by the device's clock; `up` whether the server could be reached."""

    device: str
    written: float
    running: bool
    up: bool
    recorded: int
    delivered: int
    config: int
    free_bytes: int
    notes: list[str] = []


def keep(folder: Path, report: Health, *, device: str, up: bool, running: bool = True) -> None:
    """Leaves `report` in `folder`, whole or not at all. Raises `OSError`."""
    status = Status(
        device=device,
        written=time.time(),
        running=running,
        up=up,
        recorded=report.recorded,
        delivered=report.stored_through,
        config=report.config,
        free_bytes=report.free_bytes,
        notes=report.notes,
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


def sentences(status: Status, now: float) -> list[str]:
    """What staff should know, one line each."""
    minutes = max(0, int(now - status.written)) // 60
    when = "just now" if minutes == 0 else f"{minutes} min ago"
    waiting = max(0, status.recorded - status.delivered)
    return [
        f"{status.device}: {'running' if is_running(status, now) else 'not running'} (last report {when})",
        f"recorded {status.recorded}, delivered {status.delivered}, waiting {waiting}",
        f"server: {'connected' if status.up else 'not reached'}; configuration {status.config}",
        f"free on the card: {status.free_bytes // 2**20} MiB",
        *(f"note: {note}" for note in status.notes),
    ]
