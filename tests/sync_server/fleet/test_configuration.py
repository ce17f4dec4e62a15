"""What a device is told: its court's settings, as far as there are words for them, signed, and numbered anew when they change."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sync_server.courts.models import Court, Device
from sync_server.courts.selectors import settings_of
from sync_server.courts.services import set_court
from sync_server.fleet import services
from sync_server.fleet.authority import Authority, open_authority
from sync_server.fleet.models import ConfigVersion, SpeechPack
from sync_server.fleet.services import EnrolmentRefused, Places, configure
from sync_server.surveys.files import QUESTIONNAIRES, AskedItem, Sheet, load
from sync_server.surveys.services import release
from tests.sync_server.device import a_court, a_source, an_exit
from wire import chain, codec
from wire.crest import MOST_BYTES
from wire.envelopes import Config, Hours, Misuse, Timings

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLACES = Places("https://server.example:8443", "https://court.example/vidhuk")
SHEET = load(QUESTIONNAIRES / "exit.toml")

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return open_authority(Path(tmp_path_factory.mktemp("fleet")) / "authority", now=NOW)


@pytest.fixture
def device() -> Device:
    """One that stands at a court, asked for by the shipped questionnaire."""
    release(SHEET, released_at=NOW)
    source = a_source(exit=an_exit(a_court()))
    assert source.device is not None
    return source.device


@pytest.fixture
def told(authority: Authority, device: Device) -> Callable[[], Config]:
    """What the device is told when it asks."""
    return lambda: codec.decode_config(configure(device, authority=authority, places=PLACES, now=lambda: NOW).document)


def change(**fields: Any) -> None:
    court = Court.objects.get()
    set_court(court, msgspec.structs.replace(settings_of(court), **fields))


def a_pack(language: str, *, court: bool = False, size: int = 100) -> SpeechPack:
    return SpeechPack.objects.create(
        language=language,
        court=Court.objects.get() if court else None,
        voice=f"espeak-ng {language}",
        basis=bytes(32),
        digest=f"{language}{court}".ljust(32)[:32].encode(),
        size=size,
        made_at=NOW,
    )


def test_a_device_is_told_all_that_its_court_has_set(told: Callable[[], Config]) -> None:
    hours = Hours("Europe/Kyiv", [[(540, 1080)]] * 5 + [[], []], {"2026-12-25": []}, [(720, 780)])
    timings, misuse = Timings(question=45_000, aided=6), Misuse(run_count=3)
    change(languages=("pl", "uk"), language="pl", timings=timings, misuse=misuse, hours=hours, name={"uk": "Суд", "pl": "Sąd"})
    config = told()
    assert (config.languages, config.language, config.court) == (["pl", "uk"], "pl", {"uk": "Суд", "pl": "Sąd"})
    assert (config.timings, config.misuse, config.hours) == (timings, misuse, hours)
    assert (config.door, config.public_url) == PLACES
    assert [item.key for item in config.questionnaire.items] == ["overall", "reason"]
    assert len(config.questionnaire.rotation) == len(SHEET.rotation) >= 10


def test_a_court_s_accent_and_crest_travel_with_all_languages_on_offer(told: Callable[[], Config]) -> None:
    crest = (Path(__file__).resolve().parents[3] / "workbench" / "crest.png").read_bytes()
    change(languages=("uk", "en", "pl", "ro", "hu", "bg", "crh"), accent="#6A1B4D", crest=crest)
    config = told()
    assert (config.accent, config.crest) == ("#6A1B4D", crest)
    assert len(config.languages) == 7
    change(crest=Random(7).randbytes(MOST_BYTES))
    assert told().version == config.version + 1, "the largest crest fits too"


def test_without_a_word_from_the_court_all_is_as_usual(told: Callable[[], Config]) -> None:
    config = told()
    assert (config.languages, config.language, config.hours) == (["uk", "en"], "uk", None)
    assert (config.timings, config.misuse) == (Timings(), Misuse())


def test_a_court_may_ask_for_the_rating_alone(told: Callable[[], Config]) -> None:
    change(ask_reason=False, ask_rotation=False)
    questionnaire = told().questionnaire
    assert ([item.key for item in questionnaire.items], questionnaire.rotation) == (["overall"], [])
    assert questionnaire.version == 1, "the version is still that of the questionnaire these words stand in"


def test_a_language_that_a_later_release_no_longer_speaks_is_not_offered(told: Callable[[], Config]) -> None:
    change(languages=("pl", "uk"), language="pl")
    assert told().languages == ["pl", "uk"]
    release(without("pl"), released_at=NOW)
    config = told()
    assert (config.languages, config.language) == (["uk"], "uk")


def without(language: str) -> Sheet:
    """The shipped questionnaire with one question that has no words in `language`."""
    question = {other: text for other, text in SHEET.items[0].text.items() if other != language}
    return msgspec.structs.replace(SHEET, items=[msgspec.structs.replace(SHEET.items[0], text=question), *SHEET.items[1:]])


def test_speech_is_named_by_language_and_then_the_courts_name(told: Callable[[], Config]) -> None:
    change(languages=("en", "uk"), language="en")
    packs = [a_pack("en"), a_pack("uk"), a_pack("uk", court=True)]
    a_pack("pl")
    assert [(pack.language, pack.digest, pack.size) for pack in told().speech] == [
        (pack.language, bytes(pack.digest), pack.size) for pack in packs
    ]


def test_the_name_is_spoken_as_it_is_shown_even_in_a_language_that_is_not_on_offer(told: Callable[[], Config]) -> None:
    change(languages=("en",), language="en")
    a_pack("uk")
    name = a_pack("uk", court=True)
    assert [pack.digest for pack in told().speech] == [bytes(name.digest)]


def test_no_speech_is_named_where_there_is_no_door_to_fetch_it_from(authority: Authority, device: Device) -> None:
    a_pack("uk")
    config = codec.decode_config(configure(device, authority=authority, now=lambda: NOW).document)
    assert (config.speech, config.door, config.public_url) == ([], None, None)


def test_the_version_moves_when_something_is_changed_and_only_then(told: Callable[[], Config]) -> None:
    assert [told().version, told().version] == [1, 1]
    change(ask_rotation=False)
    assert [told().version, told().version] == [2, 2]
    a_pack("uk")
    assert told().version == 3
    change(ask_rotation=True)
    assert told().version == 4, "a version is never used again, even for what was said before"


def test_what_a_restored_server_says_is_numbered_above_what_the_device_holds(authority: Authority, device: Device) -> None:
    """The backup was made before versions 2 to 7 were."""

    def told(held: int) -> int:
        signed = configure(device, authority=authority, places=PLACES, held=held, now=lambda: NOW)
        return codec.decode_config(signed.document).version

    assert told(0) == 1
    assert told(7) == 8, "or the device would not take it"
    assert told(7) == 8, "the same is not numbered anew while it is on its way"
    assert told(8) == 8
    change(ask_rotation=False)
    assert told(8) == 9


def test_a_device_that_claims_the_last_number_there_is_is_refused_in_words(authority: Authority, device: Device) -> None:
    with pytest.raises(EnrolmentRefused, match="Enrol it anew"):
        configure(device, authority=authority, held=2**31 - 1, now=lambda: NOW)


def test_asking_for_what_is_known_already_writes_and_locks_nothing(
    told: Callable[[], Config], django_assert_max_num_queries: Any
) -> None:
    told()
    with django_assert_max_num_queries(6) as asked:
        told()
    statements = [query["sql"].upper() for query in asked.captured_queries]
    assert [statement for statement in statements if not statement.startswith("SELECT") or "FOR NO KEY UPDATE" in statement] == []


def test_what_is_told_is_signed_for_this_device(authority: Authority, device: Device) -> None:
    signed = configure(device, authority=authority, places=PLACES, now=lambda: NOW)
    key = Ed25519PublicKey.from_public_bytes(authority.config_public_key)
    key.verify(signed.signature, chain.config_statement(device.name, signed.document))


def test_the_shipped_questionnaire_fits_a_message_in_all_its_languages(told: Callable[[], Config], authority: Authority) -> None:
    days = {f"2027-{month:02}-{day:02}": [(540, 720)] for month in range(1, 11) for day in range(1, 21)}
    hours = Hours("Europe/Kyiv", [[(540, 780), (825, 1080)]] * 7, days)
    change(languages=tuple(SHEET.languages), hours=hours)
    for language in SHEET.languages:
        a_pack(language)
        a_pack(language, court=True)
    config = told()
    assert (len(config.languages), len(config.hours.days if config.hours else {})) == (7, 200)
    _, data = codec.encode(configure(Device.objects.get(), authority=authority, places=PLACES, now=lambda: NOW))
    assert len(data) < 16 * 1024


def test_what_no_message_can_carry_is_refused_in_words_and_the_device_keeps_what_it_has(
    told: Callable[[], Config], authority: Authority
) -> None:
    told()
    letters = Random(1)
    bank = [AskedItem(f"item-{place}", "faces5", {"uk": gibberish(letters), "en": gibberish(letters)}) for place in range(40)]
    release(msgspec.structs.replace(SHEET, rotation=bank), released_at=NOW)
    with pytest.raises(EnrolmentRefused, match="does not fit a message"):
        told()
    assert ConfigVersion.objects.count() == 1


def gibberish(letters: Random) -> str:
    """400 letters that no compression shortens."""
    return "".join(chr(0x4E00 + letters.randrange(20_000)) for _ in range(400))


def test_a_device_that_stands_nowhere_is_told_nothing(authority: Authority) -> None:
    release(SHEET, released_at=NOW)
    source = a_source()
    with pytest.raises(EnrolmentRefused, match="stands at no exit"):
        services.configure(source.device, authority=authority)  # type: ignore[arg-type]
