"""A card that was put back to an earlier state, or copied: real kiosk, real server, and every thanked rating counted once."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.texts import STAFF, STAFF_LANGUAGES, Texts
from kiosk.upkeep import status
from kiosk.upkeep.enrolment import enrol
from tests.kiosk.rig import Kiosk, running
from tests.support.server import Server
from tests.support.waiting import until

PATIENCE_S = 90.0
ENGLISH = Texts(STAFF_LANGUAGES, print, domain=STAFF)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "server"
    folder.mkdir()
    found = Server(folder)
    yield found
    found.stop()


@pytest.fixture
def kiosk(server: Server, tmp_path: Path) -> Kiosk:
    """Enrolled and ready."""
    exit = server.set_up()
    server.start()
    given = server.code(exit, "kiosk-copied-1")
    folder = tmp_path / "kiosk"
    folder.mkdir()
    found = Kiosk(folder)
    enrol(server=given.server, fingerprint=given.fingerprint, code=given.code, state_dir=found.state)
    return found


def rate(kiosk: Kiosk, times: int) -> None:
    hand = kiosk.hand()
    for number in range(times):
        assert hand.press(number % 5 + 1)
    hand.close()


def counted(server: Server, count: int) -> None:
    until(lambda: server.answers() == count, f"{count} ratings are counted", seconds=PATIENCE_S)
    server.settle()
    assert server.answers() == count


def streams(server: Server) -> list[tuple[int, int | None]]:
    """(rows stored, forked at) of each stream, the oldest first."""
    return server.query("SELECT stored_through, forked_at FROM ingest_stream ORDER BY id")  # type: ignore[return-value]


@pytest.mark.slow
def test_a_card_put_back_to_an_earlier_state_goes_on_with_a_new_stream(server: Server, kiosk: Kiosk) -> None:
    with running(kiosk):
        rate(kiosk, 5)
        counted(server, 5)
    image = kiosk.folder / "image"
    shutil.copytree(kiosk.state, image)
    with running(kiosk):
        rate(kiosk, 4)
        counted(server, 9)
    shutil.rmtree(kiosk.state)
    image.rename(kiosk.state)
    with running(kiosk):
        rate(kiosk, 3)
        counted(server, 12)
        until(lambda: (found := status.last(kiosk.state)) is not None and found.forked_at is not None, "staff are told")
        found = status.last(kiosk.state)
        assert found is not None
        assert any("There is a copy of this device" in line for line in status.sentences(found, found.written, ENGLISH, "en"))
        until(lambda: "its card was copied or set back once" in server.command("status"), "the server raises the alarm")
    _, new = streams(server)
    assert new[1] is None
    with running(kiosk):
        rate(kiosk, 1)
        counted(server, 13)
    assert len(streams(server)) == 2, "and it stays at the new one"


@pytest.mark.slow
def test_two_copies_of_one_card_are_each_counted_once(server: Server, kiosk: Kiosk) -> None:
    """They take turns, as the broker lets in one of a name at a time."""
    with running(kiosk):
        rate(kiosk, 3)
        counted(server, 3)
    folder = kiosk.folder.parent / "copy"
    folder.mkdir()
    other = Kiosk(folder)
    shutil.copytree(kiosk.state, other.state)
    with running(kiosk):
        rate(kiosk, 2)
        counted(server, 5)
    with running(other):
        rate(other, 4)
        counted(server, 9)
    with running(kiosk):
        rate(kiosk, 1)
        counted(server, 10)
    with running(other):
        rate(other, 1)
        counted(server, 11)
