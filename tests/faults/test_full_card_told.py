"""A card that others have filled to the last byte: the server hears of it, and what it has backed up makes room again."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kiosk import config, identity
from kiosk.clock import SystemClock
from kiosk.device.outside import Outside
from kiosk.ledger.store import LEDGER
from kiosk.ledger.thread import LedgerThread
from kiosk.upkeep import status
from kiosk.upkeep.clerk import Clerk
from kiosk.upkeep.notices import Notices
from tests.kiosk.authority import Authority, configuration
from tests.kiosk.ledgers import rating
from tests.kiosk.small_server import SmallServer
from tests.kiosk.test_ledger_full import fill, small_card
from tests.kiosk.test_ledger_thread import Outcomes
from tests.support.mosquitto import Mosquitto
from tests.support.waiting import until
from wire.codec import encode
from workbench.ports import free_port

DEVICE = "kiosk-full"
ROWS = 2_000


class Place:
    """A device whose state is on a small card of its own, a broker, and a small server. `shown` is what its staff see."""

    def __init__(self, folder: Path, card: Path, parts: ExitStack) -> None:
        self.card = card
        authority = Authority.make()
        ca, certificate, key = authority.server_files(folder)
        port = free_port()
        public_key = authority.give_identity(card, DEVICE, port=port)
        broker = Mosquitto(folder)
        parts.callback(broker.stop)
        broker.start(
            f"listener {port} 127.0.0.1\ncafile {ca}\ncertfile {certificate}\nkeyfile {key}\n"
            "require_certificate true\nuse_identity_as_username true\n"
        )
        self.server = SmallServer(broker.port, {DEVICE: public_key})
        self.server.backed = False
        parts.callback(self.server.stop)
        self.server.start()
        assert self.server.ready.wait(30)
        toml = folder / "kiosk.toml"
        toml.write_text(f'state_dir = "{card}"\nclock = "trusted"\n[screen]\nmode = "none"\n[panel]\nsimulated = "panel.sock"\n')
        self.ledger = LedgerThread(card / LEDGER.format(device=DEVICE), on_rows=self._on_rows)
        self.shown: list[status.Status] = []
        self.outside = Outside(
            config.read(toml),
            identity.load(card),
            ledger=self.ledger,
            clock=SystemClock("trusted"),
            notices=Notices(),
            clerk=Clerk(card / "notes"),
            in_force=configuration,
            on_config=lambda signed, found: None,
            on_status=self.shown.append,
        )
        self.ledger.start()
        parts.callback(self.ledger.stop)
        self.outside.start(parts)
        self.rated = 0

    def _on_rows(self) -> None:
        self.outside.wake()

    def rate(self, count: int) -> bool:
        """Whether `count` more ratings, written one by one, are all on the card."""
        outcomes = Outcomes()
        for number in range(self.rated, self.rated + count):
            self.ledger.append([rating(number)], outcomes.of(number))
        self.rated += count
        return list(outcomes.wait(count).values()) == [[True]] * count


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    folder = tmp_path / "broker"
    folder.mkdir()
    with small_card(tmp_path / "card") as card, ExitStack() as parts:
        yield Place(folder, card, parts)


def heard(place: Place, words: str) -> bool:
    """Whether the last report at the server says so; another one is asked for, as after any alarm."""
    place.outside.nudge()
    return any(words in note for note in place.server.healths[-1].notes)


def test_a_full_card_is_reported_and_freed_of_what_is_backed_up_without_any_help(place: Place) -> None:
    server = place.server
    assert place.rate(ROWS)
    until(lambda: len(server.rows) == ROWS, "all is delivered")
    stream = place.ledger.standing().stream
    until((place.card / f"{LEDGER.format(device=DEVICE)}-ballast").exists, "the card has its ballast")
    fill(place.card)
    until(lambda: not place.rate(1), "nothing is taken any more")

    until(lambda: heard(place, "nothing is being recorded"), "the server hears of it", every=0.5)
    assert server.healths[-1].free_bytes == 0
    until(lambda: any("nothing is being recorded" in note for note in place.shown[-1].notes), "so do staff")
    assert place.ledger.standing().oldest == 1, "nothing is backed up yet"

    server.backed = True
    with server.lock:
        ack = server._ack(stream)
    server.say(DEVICE, "down", *encode(ack))
    until(lambda: place.ledger.standing().progress.backed_through >= ROWS, "the device knows what is backed up")
    place.outside.nudge()
    until(lambda: place.ledger.standing().oldest > ROWS - 1, "what is backed up is deleted")
    assert (place.card / "somebody-else").exists(), "nobody has made room"
    assert place.rate(1)
    until(lambda: not heard(place, "nothing is being recorded"), "the alarm is over", every=0.5)
    assert server.faults == []
