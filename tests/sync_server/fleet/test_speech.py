"""Every text that a visitor may be shown is spoken by a real voice, once; what changes is spoken again, and nothing else is."""

import io
import logging
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from sync_server.courts.models import Court
from sync_server.courts.selectors import settings_of
from sync_server.courts.services import open_court, set_court
from sync_server.fleet.models import SpeechPack
from sync_server.fleet.speech import KEPT, Studio, mute, packs_for, refresh, sentences_of
from sync_server.fleet.voices import Espeak, NoSpeaker
from sync_server.fleet.worker import AFTER_TROUBLE_S, PAUSE_S, SpeechWorker
from sync_server.surveys.files import AskedItem, Scale, Sheet
from sync_server.surveys.services import release
from wire.envelopes import Option
from wire.speech import RATE, SAMPLE_BYTES, Pack, SpeechError, clip_name

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LANGUAGES = ("uk", "en", "pl", "ro", "hu", "bg", "crh")
TRANSLATIONS = Path(__file__).resolve().parents[3] / "assets" / "translations"


def texts(word: str) -> dict[str, str]:
    return {language: f"{word} {language}" for language in LANGUAGES}


def sheet(question: str = "Question") -> Sheet:
    options = [Option(1, texts("No")), Option(2, texts("Yes")), Option(-2, texts("Neither"))]
    return Sheet(
        key="exit",
        languages=list(LANGUAGES),
        title=texts("Title"),
        scales={"two": Scale("scale", options)},
        items=[AskedItem("overall", "two", texts(question))],
        rotation=[AskedItem("signs", "two", texts("Signs"))],
    )


class Counting(Espeak):
    """The real program; remembers what it was asked to say."""

    def __init__(self, program: str = "espeak-ng") -> None:
        super().__init__(program)
        self.said: list[str] = []

    def speak(self, voice: str, sentence: str) -> bytes:
        self.said.append(sentence)
        return super().speak(voice, sentence)


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """Without catalogues: what a questionnaire asks is enough to be spoken here."""
    return Studio(Counting(), tmp_path / "speech", tmp_path / "translations")


def said(studio: Studio) -> list[str]:
    """What was spoken since this was last asked."""
    assert isinstance(studio.speaker, Counting)
    spoken, studio.speaker.said = sorted(studio.speaker.said), []
    return spoken


def a_court(*languages: str, slug: str = "court", **names: str) -> Court:
    court = open_court(slug=slug, name_uk="Суд")
    wanted = settings_of(court)
    set_court(court, type(wanted)(name={"uk": "Суд", **names}, languages=languages or ("uk", "en"), language="uk"))
    return court


def opened(studio: Studio, pack: SpeechPack) -> Pack:
    data = studio.file(bytes(pack.digest)).read_bytes()
    assert sha256(data).digest() == bytes(pack.digest)
    assert len(data) == pack.size
    return Pack(io.BytesIO(data))


# --- the voice ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["uk", "en", "pl", "ro", "hu", "bg"])
def test_there_is_a_voice_that_always_says_the_same_with_the_same_samples(language: str) -> None:
    voice = Espeak().voice(language)
    assert voice is not None
    first = Espeak().speak(voice, "1, 2, 3")
    assert 0.3 < len(first) / SAMPLE_BYTES / RATE < 5
    assert any(first)
    assert Espeak().speak(voice, "1, 2, 3") == first


def test_no_neighbours_voice_is_taken_for_a_language_that_has_none() -> None:
    assert Espeak().voice("crh") is None


@pytest.mark.parametrize("sentence", ["-v en", "<speak>", "[[hello]]", "$HOME `id`", "«Дякуємо!»"])
def test_a_sentence_is_spoken_whatever_it_looks_like(sentence: str) -> None:
    assert len(Espeak().speak("uk", sentence)) > 1_000


def test_a_sentence_without_sound_makes_no_clip() -> None:
    with pytest.raises(SpeechError):
        Espeak().speak("uk", "")


def test_without_the_program_it_is_said_what_to_install() -> None:
    with pytest.raises(NoSpeaker, match="apt-get install espeak-ng"):
        Espeak("no-such-program").voice("uk")


def test_a_program_that_fails_is_told() -> None:
    with pytest.raises(NoSpeaker, match="exit code"):
        Espeak("false").speak("uk", "Так")


# --- what is said -------------------------------------------------------------------------------------------------------------


def test_of_a_catalogue_everything_is_spoken_that_is_not_filled_in_on_the_spot() -> None:
    found = sentences_of("uk", TRANSLATIONS)
    assert "Пропустити" in found
    assert not [sentence for sentence in found if "{" in sentence or not sentence.strip() or "Content-Type" in sentence]


def test_a_broken_or_missing_catalogue_is_told_and_the_rest_is_spoken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert sentences_of("uk", tmp_path) == frozenset()
    file = tmp_path / "uk" / "LC_MESSAGES" / "visitor.mo"
    file.parent.mkdir(parents=True)
    file.write_bytes((TRANSLATIONS / "uk" / "LC_MESSAGES" / "visitor.mo").read_bytes()[:99])
    assert sentences_of("uk", tmp_path) == frozenset()
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


# --- packs --------------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.usefixtures("storage")
class TestPacks:
    def test_questions_answers_bank_digits_and_names_are_spoken_in_every_language_on_offer(self, studio: Studio) -> None:
        release(sheet(), released_at=NOW)
        court = a_court("uk", "pl", pl="Sąd")
        assert refresh(studio, now=NOW) == 4
        packs = packs_for(court.pk, ["pl", "uk"])
        assert [(pack.language, pack.court_id) for pack in packs] == [
            ("pl", None),
            ("pl", court.pk),
            ("uk", None),
            ("uk", court.pk),
        ]
        assert {pack.voice for pack in packs} == {"espeak-ng pl", "espeak-ng uk"}
        shown = {"Question pl", "Signs pl", "No pl", "Yes pl", "Neither pl", *"0123456789"}
        common, name, *_ = [opened(studio, pack) for pack in packs]
        assert set(common.index.sentences) == shown
        assert all(common.samples(clip_name("pl", sentence)) for sentence in shown)
        assert name.samples(clip_name("pl", "Sąd"))

    def test_what_has_been_spoken_is_not_spoken_again(self, studio: Studio) -> None:
        release(sheet(), released_at=NOW)
        a_court()
        assert refresh(studio, now=NOW) > 0
        said(studio)
        assert refresh(studio, now=NOW) == 0
        assert said(studio) == []

    def test_looking_for_changes_asks_the_database_no_more_for_many_courts_than_for_one(
        self, studio: Studio, django_assert_max_num_queries: Any
    ) -> None:
        release(sheet(), released_at=NOW)
        for number in range(20):
            a_court(slug=f"court-{number}")
        refresh(studio, now=NOW)
        with django_assert_max_num_queries(6):
            assert refresh(studio, now=NOW) == 0

    def test_a_new_court_costs_no_more_than_its_name(self, studio: Studio) -> None:
        release(sheet(), released_at=NOW)
        a_court()
        refresh(studio, now=NOW)
        said(studio)
        a_court(slug="second")
        Court.objects.filter(slug="second").update(name_uk="Другий суд")
        assert refresh(studio, now=NOW) == 1
        assert said(studio) == ["Другий суд"]

    def test_a_released_change_is_spoken_and_the_former_pack_stays_for_those_who_are_fetching_it(self, studio: Studio) -> None:
        release(sheet(), released_at=NOW)
        court = a_court("uk")
        refresh(studio, now=NOW)
        (former, _) = packs_for(court.pk, ["uk"])
        release(sheet("Another question"), released_at=NOW)
        real = datetime.now(UTC)
        assert refresh(studio, now=real) == 1
        (pack, _) = packs_for(court.pk, ["uk"])
        assert "Another question uk" in opened(studio, pack).index.sentences
        assert studio.file(bytes(former.digest)).exists()
        refresh(studio, now=real + KEPT + timedelta(minutes=1))
        assert not studio.file(bytes(former.digest)).exists()
        assert studio.file(bytes(pack.digest)).exists()

    def test_a_pack_that_is_lost_or_cut_short_is_made_again_as_it_was(self, studio: Studio) -> None:
        release(sheet(), released_at=NOW)
        court = a_court("uk")
        refresh(studio, now=NOW)
        common, name = [studio.file(bytes(pack.digest)) for pack in packs_for(court.pk, ["uk"])]
        whole = common.read_bytes()
        common.unlink()
        name.write_bytes(b"PK")
        assert refresh(studio, now=NOW) == 2
        assert common.read_bytes() == whole
        assert name.stat().st_size > 2

    def test_a_language_without_a_voice_gets_no_pack_and_the_others_do(self, studio: Studio) -> None:
        release(sheet(), released_at=NOW)
        court = a_court("crh", "uk", crh="Mahkeme")
        refresh(studio, now=NOW)
        assert {pack.language for pack in packs_for(court.pk, ["crh", "uk"])} == {"uk"}
        assert mute(studio) == ["crh"]

    def test_a_language_that_is_no_longer_on_offer_is_forgotten(self, studio: Studio) -> None:
        release(sheet(), released_at=NOW)
        court = a_court("uk", "en", en="Court")
        refresh(studio, now=NOW)
        set_court(court, type(settings_of(court))(name={"uk": "Суд"}, languages=("uk",)))
        refresh(studio, now=NOW)
        assert set(SpeechPack.objects.values_list("language", flat=True)) == {"uk"}

    def test_before_anything_is_released_there_is_nothing_to_say(self, studio: Studio) -> None:
        a_court()
        assert refresh(studio, now=NOW) == 0

    def test_it_stops_between_two_sentences_and_goes_on_another_time(self, studio: Studio) -> None:
        release(sheet(), released_at=NOW)
        a_court("uk")
        assert isinstance(studio.speaker, Counting)
        speaker = studio.speaker
        assert refresh(studio, now=NOW, stopping=lambda: len(speaker.said) >= 3) == 0
        assert len(said(studio)) == 3
        assert list(studio.folder.glob("*")) == []
        assert refresh(studio, now=NOW) == 2


# --- the loop around it -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.usefixtures("storage")
class TestWorker:
    def test_it_speaks_what_is_new_and_looks_again_soon(self, studio: Studio) -> None:
        release(sheet(), released_at=NOW)
        a_court("uk")
        assert SpeechWorker(studio).step() == PAUSE_S
        assert SpeechPack.objects.count() == 2

    def test_a_language_without_a_voice_is_told_once(self, studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
        release(sheet(), released_at=NOW)
        a_court("uk", "crh")
        worker = SpeechWorker(studio)
        worker.step()
        worker.step()
        assert [record.getMessage() for record in caplog.records if "no voice" in record.getMessage()] == [
            "no voice for crh: kiosks say so to whoever asks for speech in that language"
        ]

    def test_without_the_program_everything_goes_on_and_it_is_told_once(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        release(sheet(), released_at=NOW)
        a_court("uk")
        worker = SpeechWorker(Studio(Espeak("no-such-program"), tmp_path, tmp_path))
        assert [worker.step(), worker.step()] == [PAUSE_S, PAUSE_S]
        told = [record.getMessage() for record in caplog.records if record.name.endswith("worker")]
        assert len(told) == 1
        assert "apt-get install espeak-ng" in told[0]

    def test_a_disk_that_takes_nothing_is_told_and_tried_again_later(
        self, studio: Studio, caplog: pytest.LogCaptureFixture
    ) -> None:
        release(sheet(), released_at=NOW)
        a_court("uk")
        studio.folder.parent.mkdir(exist_ok=True)
        studio.folder.write_text("no folder")
        assert SpeechWorker(studio).step() == AFTER_TROUBLE_S
        assert [record.levelno for record in caplog.records if record.name.endswith("worker")] == [logging.ERROR]
        studio.folder.unlink()
        assert SpeechWorker(studio).step() == PAUSE_S
        assert SpeechPack.objects.count() == 2
