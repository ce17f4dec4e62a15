"""One exit of an invented court with a kiosk enrolled at it, on a server of its own: broker, gateway, door, and speech."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from wire.envelopes import Timings
from workbench.bench.ground import BenchDevice, Ground
from workbench.bench.harness import BenchTrouble
from workbench.installation import HOST
from workbench.processes import Household

OPENED: Final = datetime(2026, 1, 1, tzinfo=UTC)
DEAF: Final = "pcm.!default { type null }\n"
"""A card for `aplay` that takes everything and is not heard."""


class Exit(NamedTuple):
    """`state` is the kiosk's state directory, `languages` all that its questionnaire is written in, the court's own first.

    `packs` is how much speech the kiosk will fetch, `card` the ALSA configuration of a sound card for it.
    """

    state: Path
    languages: tuple[str, ...]
    packs: int
    card: Path


def open_exit(folder: Path, household: Household, *, timings: Timings | None = None) -> Exit:
    """Makes the exit, with every language there is and with speech, and starts what stands behind it. Raises BenchTrouble."""
    folder.mkdir(parents=True)
    ground = Ground(folder, household)
    device = ground.device(1)
    languages = tuple(ground.questionnaire.items[0].text)
    state = folder / "device"
    packs = _enrol(ground, device, state, languages, timings or Timings())
    ground.start_broker()
    ground.start_gateway()
    ground.start_door()
    card = folder / "asound.conf"
    card.write_text(DEAF)
    return Exit(state, languages, packs, card)


def _enrol(ground: Ground, device: BenchDevice, state: Path, languages: Sequence[str], timings: Timings) -> int:
    """Gives the kiosk what enrolment would: its papers and its first configuration. Returns how many speech packs that names."""
    from django.conf import settings

    from kiosk import identity
    from sync_server.courts.models import Device
    from sync_server.courts.selectors import settings_of
    from sync_server.courts.services import open_court, open_exit, place_device, set_court
    from sync_server.fleet.services import Places, configure
    from sync_server.fleet.speech import refresh
    from sync_server.fleet.voices import NoSpeaker
    from sync_server.project.setup import studio
    from wire import codec

    known = Device.objects.get(name=device.name)
    court = open_court(slug="bench", name_uk="Вигаданий суд для вимірювань", name_en="Invented Court of Measures", is_sample=True)
    set_court(court, msgspec.structs.replace(settings_of(court), languages=tuple(languages), timings=timings))
    place_device(device=known, exit=open_exit(court=court, name_uk="Головний вихід"), starts_at=OPENED)
    try:
        refresh(studio(settings.CONFIG), now=datetime.now(UTC))
    except NoSpeaker as fault:
        raise BenchTrouble(str(fault)) from None
    signed = configure(known, authority=ground.authority, places=Places(settings.CONFIG.door_url, settings.CONFIG.public.url))
    identity.store(
        state,
        about=identity.About(device.name, HOST, ground.port, ground.authority.config_public_key.hex()),
        key=device.key_file.read_bytes(),
        certificate=device.certificate.read_bytes(),
        ca=ground.authority.certificate_pem,
        config=signed,
    )
    return len(codec.decode_config(signed.document).speech)
