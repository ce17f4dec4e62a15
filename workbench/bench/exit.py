"""One exit of an invented court with a kiosk enrolled at it, on a server of its own with a real broker and gateway."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from wire import VERSION, chain, codec
from wire.envelopes import Config, SignedConfig, Timings
from workbench.bench.ground import BenchDevice, Ground
from workbench.installation import HOST
from workbench.processes import Household

OPENED: Final = datetime(2026, 1, 1, tzinfo=UTC)


class Exit(NamedTuple):
    """`state` is the kiosk's state directory; `languages` are all that its questionnaire is written in, the court's own first."""

    state: Path
    languages: tuple[str, ...]


def open_exit(folder: Path, household: Household, *, timings: Timings | None = None) -> Exit:
    """Makes the exit and starts what stands behind it. The kiosk offers every language there is."""
    folder.mkdir(parents=True)
    ground = Ground(folder, household)
    device = ground.device(1)
    languages = tuple(ground.questionnaire.items[0].text)
    state = folder / "device"
    _enrol(ground, device, state, languages, timings or Timings())
    ground.start_broker()
    ground.start_gateway()
    return Exit(state, languages)


def _enrol(ground: Ground, device: BenchDevice, state: Path, languages: tuple[str, ...], timings: Timings) -> None:
    """Gives the kiosk what enrolment would: its papers and its first configuration."""
    from kiosk import identity
    from sync_server.courts.models import Device
    from sync_server.courts.services import open_court, open_exit, place_device
    from sync_server.fleet.services import configure

    known = Device.objects.get(name=device.name)
    court = open_court(slug="bench", name_uk="Вигаданий суд для вимірювань", name_en="Invented Court of Measures", is_sample=True)
    place_device(device=known, exit=open_exit(court=court, name_uk="Головний вихід"), starts_at=OPENED)
    given = codec.decode_config(configure(known, authority=ground.authority).document)
    config = msgspec.structs.replace(given, languages=list(languages), timings=timings)
    identity.store(
        state,
        about=identity.About(device.name, HOST, ground.port, ground.authority.config_public_key.hex()),
        key=device.key_file.read_bytes(),
        certificate=device.certificate.read_bytes(),
        ca=ground.authority.certificate_pem,
        config=_signed(ground, device, config),
    )


def _signed(ground: Ground, device: BenchDevice, config: Config) -> SignedConfig:
    document = codec.encode_config(config)
    return SignedConfig(VERSION, document, ground.authority.sign_config(chain.config_statement(device.name, document)))
