"""Takes the configurations that come down: those that the server has signed for this device, and only newer ones."""

from collections.abc import Callable

import structlog

from kiosk.core.ports import Message, Verifier
from wire import chain
from wire.codec import WireError, decode_config, decode_signed_config
from wire.envelopes import Config, SignedConfig
from wire.events import DeviceId

log = structlog.get_logger("sync")


class Configuring:
    """`version` is that of the configuration in force; `on_config` is given each newer one."""

    def __init__(
        self, device: DeviceId, verifier: Verifier, version: int, on_config: Callable[[SignedConfig, Config], None]
    ) -> None:
        self._device = device
        self._verifier = verifier
        self._on_config = on_config
        self.version = version

    def take(self, message: Message) -> None:
        """`message` has come down. Raises `WireError`, and what `on_config` raises: it is not in force then."""
        if not message.payload:  # a retained message that was cleared
            return
        signed = decode_signed_config(message.content_type, message.payload)
        config = verified(signed, self._device, self._verifier)
        if config.version <= self.version:
            return
        self._on_config(signed, config)
        self.version = config.version
        log.info("configured", version=config.version)


def verified(signed: SignedConfig, device: DeviceId, verifier: Verifier) -> Config:
    """The configuration in `signed`, if the server signed it for `device`. Raises `WireError`."""
    if not verifier.verifies(chain.config_statement(device, signed.document), signed.signature):
        raise WireError("signature", "a configuration that the server did not sign for this device")
    return decode_config(signed.document)
