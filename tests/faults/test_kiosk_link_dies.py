"""A network thread that dies in silence: paho still says "connected" and still takes messages, and no acknowledgement comes."""

import random
from pathlib import Path

import pytest

from kiosk.identity import load
from kiosk.ledger.thread import LedgerThread
from kiosk.links.mqtt import Broker, MqttLink
from kiosk.workers.sync import Sync
from tests.kiosk.authority import Authority
from tests.kiosk.exit import HandClock
from tests.kiosk.small_server import SmallServer
from tests.kiosk.test_ledger_thread import Outcomes, rating
from tests.support.mosquitto import Mosquitto
from tests.support.waiting import until

DEVICE = "kiosk-dies-1"


class FastClock(HandClock):
    """Runs twenty times as fast as the wall: the pauses are the real ones, and the test is short."""

    def stamp(self):  # type: ignore[no-untyped-def]
        import time

        self.now = int(time.monotonic() * 1000 * 20)
        return super().stamp()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_supervisor_builds_the_link_afresh_and_everything_is_stored_once(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public_key = Authority.make().give_identity(tmp_path, DEVICE, port=mosquitto.port)
    who = load(tmp_path)
    server = SmallServer(mosquitto.port, {DEVICE: public_key}).start()
    assert server.ready.wait(30)
    ledger = LedgerThread(tmp_path / "ledger.sqlite3", on_rows=lambda: sync.wake())  # noqa: PLW0108 - made below
    link = MqttLink(Broker("127.0.0.1", mosquitto.port, who.ca, who.certificate, who.key), who.device, plain=True)
    sync = Sync(
        device=who.device,
        shelf=ledger,
        link=link,
        signer=who.signer,
        verifier=who.verifier,
        clock=FastClock(),
        draw=random.Random(1).random,
        software="test",
        config_version=1,
        on_config=lambda signed, config: None,
    )
    # The worker's own sleeps run by the wall clock; in this test's time they are a twentieth.
    step = sync.step
    monkeypatch.setattr(sync, "step", lambda news=None: step(news) / 20)
    ledger.start()
    sync.start()
    outcomes = Outcomes()
    ledger.append([rating(1, 1)], outcomes.of(1))
    until(lambda: server.ratings() == [1], "the first rating arrives")

    client = link._client
    assert client is not None
    thread = client._thread
    assert thread is not None

    def broken(*_: object) -> None:
        raise RuntimeError("a bug in a callback")

    client.on_message = broken
    server.say(DEVICE, "command", "vidhuk/1", b"anything")
    until(lambda: not thread.is_alive(), "the network thread is dead")
    assert client.is_connected(), "and nobody could tell"

    ledger.append([rating(2, 2)], outcomes.of(2))
    ledger.append([rating(3, 3)], outcomes.of(3))
    until(lambda: server.ratings() == [1, 2, 3], "what was rated since has arrived")
    until(lambda: link._client is not client, "the link was built afresh")
    until(lambda: sync.progress is not None and sync.progress.stored_through == 3, "the acknowledgements come again")
    sync.stop()
    ledger.stop()
    server.stop()
    assert server.faults == []
