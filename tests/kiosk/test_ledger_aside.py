"""A ledger that is put aside takes all that belongs to it along, and leaves room for another of its name."""

from pathlib import Path

from kiosk.ledger import aside


def test_the_file_and_its_log_move_together_and_nothing_stays_under_the_old_name(tmp_path: Path) -> None:
    path = tmp_path / "ledger-kiosk-1.sqlite3"
    for part in ("", "-wal", "-shm"):
        path.with_name(path.name + part).write_text(f"damaged{part}")
    kept = aside.put_aside(path)
    assert [file.name for file in tmp_path.iterdir()] == [kept.parent.name]
    assert {file.name: file.read_text() for file in kept.parent.iterdir()} == {
        kept.name + part: f"damaged{part}" for part in ("", "-wal", "-shm")
    }


def test_a_second_damaged_ledger_does_not_take_the_place_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "ledger-kiosk-1.sqlite3"
    kept = []
    for number in range(2):
        path.write_text(f"damaged {number}")
        kept.append(aside.put_aside(path))
    assert [file.read_text() for file in kept] == ["damaged 0", "damaged 1"]
