"""What one press makes is one thing: all its rows are on the card, in their order, or none is."""

from pathlib import Path

from kiosk.ledger.thread import LedgerThread
from tests.kiosk.exit import BOOT, WALL_OFFSET
from tests.kiosk.test_ledger_thread import Outcomes, rating
from wire.codec import decode_event
from wire.events import Event, Flag, Input


def test_all_rows_of_a_press_are_written_together_and_in_their_order(tmp_path: Path) -> None:
    ledger = LedgerThread(tmp_path / "ledger.sqlite3")
    ledger.start()
    outcomes = Outcomes()
    rapid = Flag(7, "overall", "uk", Input.BUTTON, BOOT, WALL_OFFSET, True, 2, 0, "rapid")
    presses: list[list[Event]] = [[rating(1)], [rating(2), rapid], [rating(3)]]
    for number, rows in enumerate(presses):
        ledger.append(rows, outcomes.of(number))
    assert outcomes.wait(3) == {0: [True], 1: [True], 2: [True]}
    standing = ledger.standing()
    written = ledger.read(standing.stream, 1, 10).rows
    ledger.stop()
    assert [decode_event(row) for row in written] == [row for rows in presses for row in rows]
