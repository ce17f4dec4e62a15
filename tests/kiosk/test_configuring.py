"""Configurations that come down: whose are taken, and when one is in force."""

import pytest

from tests.kiosk.authority import Authority, configuration
from tests.kiosk.desk import DEVICE, Desk
from wire.envelopes import Config, SignedConfig


def test_a_newer_configuration_signed_for_this_device_is_taken_once(desk: Desk) -> None:
    signed = desk.authority.sign(DEVICE, configuration(3))
    desk.down("config", signed)
    desk.down("config", signed)
    desk.down("config", desk.authority.sign(DEVICE, configuration(2)))
    assert [config.version for _, config in desk.configs] == [3]
    assert desk.sync.config_version == 3


def test_a_configuration_for_another_device_or_by_another_server_is_refused(desk: Desk) -> None:
    desk.down("config", desk.authority.sign("kiosk-sync-2", configuration(3)))
    desk.down("config", Authority.make().sign(DEVICE, configuration(4)))
    signed = desk.authority.sign(DEVICE, configuration(5))
    desk.down("config", SignedConfig(1, signed.document[:-1] + b"\x00", signed.signature))
    assert desk.configs == []


def test_a_configuration_that_could_not_be_kept_is_not_taken_for_kept(desk: Desk) -> None:
    def fails(signed: SignedConfig, config: Config) -> None:
        raise OSError("card full")

    desk.sync._configuring._on_config = fails
    with pytest.raises(OSError, match="card full"):
        desk.down("config", desk.authority.sign(DEVICE, configuration(3)))
    assert desk.sync.config_version == 1
