"""Notes that survive a restart, and what staff are told."""

from pathlib import Path

from kiosk.upkeep.clerk import Clerk
from kiosk.upkeep.notices import MOST, Notices


def test_a_note_is_there_after_a_restart_and_the_last_word_holds(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path / "notes")
    clerk.start()
    for count in range(200):
        clerk.keep("shown", {"cleanliness": count})
    clerk.keep("passages", {"main": 3})
    clerk.stop()
    again = Clerk(tmp_path / "notes")
    assert again.load("shown") == {"cleanliness": 199}
    assert again.load("passages") == {"main": 3}
    assert not list((tmp_path / "notes").glob("*.new"))


def test_a_damaged_note_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "shown.json").write_text('{"cleanliness": "many"}')
    assert Clerk(tmp_path).load("shown") == {}
    assert Clerk(tmp_path).load("never-written") == {}


def test_a_card_that_takes_nothing_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    clerk = Clerk(tmp_path / "file" / "notes")
    clerk.start()
    clerk.keep("shown", {"a": 1})
    clerk.keep("shown", {"a": 2})
    clerk.stop()
    assert clerk.load("shown") == {}


def test_alarms_come_first_and_go_again() -> None:
    told: list[int] = []
    notices = Notices()
    notices.listen(lambda: told.append(len(notices.sentences())))
    notices.report("The crest cannot be read.")
    notices.report("The crest cannot be read.")
    notices.alarm("face:4", "Button 4 is stuck.")
    notices.alarm("face:4", "Button 4 is stuck.")
    assert notices.sentences() == ["Button 4 is stuck.", "The crest cannot be read."]
    notices.clear("face:4")
    notices.clear("face:4")
    assert notices.sentences() == ["The crest cannot be read."]
    assert told == [2, 1]


def test_a_part_that_always_finds_new_words_does_not_fill_the_memory() -> None:
    notices = Notices()
    for number in range(10 * MOST):
        notices.report(f"fault {number}")
    assert len(notices.sentences()) == MOST
