"""A gateway that hears nothing any more ends, so that its supervisor starts another; it never sits there looking connected."""

from pathlib import Path
from typing import Any

import pytest

from sync_server.fleet.authority import GATEWAY, open_authority
from sync_server.gateway.mqtt import UNASKED_KEPT, Gateway, NetworkThreadDied
from sync_server.project.config import Address
from tests.sync_server.device import NOON
from workbench.ports import free_port


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    monkeypatch.setattr("sync_server.gateway.mqtt.LOOK_UP_S", 0.05)
    authority = open_authority(tmp_path / "authority")
    authority.certify_own(GATEWAY, [], NOON)
    return Gateway(authority=authority, broker=Address("127.0.0.1", free_port()))


class Unreadable:
    """A message of which paho cannot say the topic."""

    qos = 1

    @property
    def properties(self) -> Any:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")


class Unasked:
    """One more message that nobody waits for."""

    qos, mid, retain, topic, payload, properties = 0, 1, False, "vidhuk/1/kiosk-flood-1/up", b"", None


def test_the_end_of_the_network_thread_ends_the_gateway(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway._client, "loop_forever", lambda **_: None)
    with pytest.raises(NetworkThreadDied):
        gateway.run()


def test_a_message_that_cannot_be_read_leaves_the_network_thread_alone(gateway: Gateway) -> None:
    gateway._on_message(gateway._client, None, Unreadable())  # type: ignore[arg-type]
    assert gateway._inbox.empty()


def test_messages_that_nobody_waits_for_cannot_fill_the_memory(gateway: Gateway) -> None:
    for _ in range(UNASKED_KEPT + 50):
        gateway._on_message(gateway._client, None, Unasked())  # type: ignore[arg-type]
    assert gateway._inbox.qsize() == UNASKED_KEPT
