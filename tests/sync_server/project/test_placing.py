"""`./vidhuk server place`: where a device stands, or stood from some time on, and what is said of what cannot be."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server

DEVICE = "kiosk-placed-1"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.stop()


def placed(server: Server, *words: str) -> str:
    return server.command("place", "--device", DEVICE, *words).strip()


def test_a_device_is_placed_moved_in_the_past_and_the_move_taken_back(server: Server) -> None:
    first = server.set_up()
    second = server.command("add-exit", "--court", "court", "--name-uk", "Двір").strip()
    server.start()
    server.enrolled(first, DEVICE)

    def stays() -> list[tuple[str, str]]:
        found = server.query("SELECT exit_id, starts_at FROM courts_placement ORDER BY starts_at")
        return [(str(exit), str(since)[:16]) for exit, since in found]

    enrolled = stays()
    assert [exit for exit, _ in enrolled] == [first]
    said = placed(server, "--exit", second, "--from", "2026-11-02T08:00")
    assert said.endswith("Двір, from 2026-11-02T08:00+02:00 on."), "in the court's own time"
    assert (second, "2026-11-02 06:00") in stays()
    assert set(enrolled) <= set(stays()), "what was written down before stays"
    assert placed(server, "--from", "2026-11-02T08:00").endswith("at 2026-11-02T08:00+02:00 is taken back.")
    assert stays() == enrolled
    placed(server, "--exit", second)
    assert stays()[-1][0] == second, "without --from it is moved now"


def test_a_placement_that_cannot_be_is_one_sentence_and_changes_nothing(server: Server) -> None:
    exit = server.set_up()
    server.start()
    said = server.try_command("place", "--device", DEVICE, "--exit", exit)
    assert (said.returncode, said.stderr.strip()) == (1, f"There is no device '{DEVICE}'. See status.")
    server.enrolled(exit, DEVICE)
    before = server.query("SELECT exit_id, starts_at FROM courts_placement")
    for words, sentence in (
        (("--exit", "99"), "There is no exit 99. See list-exits."),
        (("--exit", exit, "--from", "yesterday"), "'yesterday' is no time. Write it as 2026-11-20T08:00."),
        (("--from", "2026-11-02T08:00"), f"nothing to take back: no move of {DEVICE} at 2026-11-02T08:00+02:00 is known."),
    ):
        said = server.try_command("place", "--device", DEVICE, *words)
        assert said.returncode == 1
        assert said.stderr.strip().endswith(sentence)
    assert server.query("SELECT exit_id, starts_at FROM courts_placement") == before
