"""What is to survive a power cut is synced: first the content, then the name. Seen in the calls that reach the kernel."""

import os
import stat
from pathlib import Path

import pytest

from kiosk import durable


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what was synced, in order; at each sync the size that a file had by then."""
    seen: list[str] = []
    really = os.fsync

    def fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        name = Path(os.readlink(f"/proc/self/fd/{descriptor}")).name
        seen.append(f"{name}/" if stat.S_ISDIR(status.st_mode) else f"{name}: {status.st_size}")
        really(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return seen


def test_content_is_synced_before_anybody_relies_on_it(tmp_path: Path, calls: list[str]) -> None:
    durable.write_synced(tmp_path / "note", b"twelve bytes")
    assert calls == ["note: 12"]


def test_a_name_is_synced_with_its_folder(tmp_path: Path, calls: list[str]) -> None:
    (tmp_path / "folder").mkdir()
    durable.sync_folder(tmp_path / "folder")
    assert calls == ["folder/"]


def test_what_is_written_anew_is_nobody_elses_to_read_and_is_never_written_into(tmp_path: Path) -> None:
    file, kept = tmp_path / "key", tmp_path / "kept"
    file.write_bytes(b"old")
    file.chmod(0o644)
    kept.hardlink_to(file)
    durable.write_synced(file, b"new")
    assert (file.read_bytes(), kept.read_bytes()) == (b"new", b"old")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
