"""Sentences find their clips in the packs on the card; what is damaged is left out and said."""

from pathlib import Path

import pytest

from kiosk.core.access import LOUDEST, QUIETEST, USUAL, Volume
from kiosk.core.ports import Spoken
from kiosk.core.sounding import Sound
from kiosk.outputs.audio import Player, gain_of, scaled
from kiosk.outputs.sounds import SOUNDS, SpeakerSounds
from kiosk.outputs.voices import Voices, open_packs
from tests.kiosk.voice.test_player import Office, playing, tone
from tests.support.ear import Ear
from tests.support.speaking import clip, make_pack, pack_of
from tests.support.waiting import until
from wire.envelopes import VoicePack
from wire.speech import samples_of


def path_of(folder: Path, pack: VoicePack) -> Path:
    return folder / f"{pack.digest.hex()}.zip"


def voices_of(player: Player, folder: Path, *packs: VoicePack) -> tuple[Voices, list[str]]:
    reports: list[str] = []
    voices = Voices(player, reports.append)
    voices.adopt(open_packs([path_of(folder, pack) for pack in packs], reports.append))
    return voices, reports


def test_sentences_are_heard_in_the_languages_they_are_written_in(ear: Ear, tmp_path: Path) -> None:
    sentences = {"uk": ["Дякуємо! Вашу відповідь збережено.", "Добре"], "en": ["Good"]}
    packs = [make_pack(tmp_path / "speech", language, spoken) for language, spoken in sentences.items()]
    with playing(Office()) as player:
        voices, reports = voices_of(player, tmp_path / "speech", *packs)
        said = [Spoken("uk", "Дякуємо! Вашу відповідь збережено."), Spoken("en", "Good"), Spoken("uk", "Добре")]
        voices.say(said, LOUDEST)
        clips = {sentence: clip(language, sentence) for language, sentence in said}
        until(lambda: ear.hears(clips["Добре"]), "the last sentence is heard")
        assert ear.order(clips) == [sentence for _, sentence in said]
    assert reports == []


def test_each_volume_is_heard_louder_than_the_one_before(ear: Ear, tmp_path: Path) -> None:
    pack = pack_of(tmp_path / "speech", "en", {"a": tone(90)})
    with playing(Office()) as player:
        voices, _ = voices_of(player, tmp_path / "speech", pack)
        peaks = []
        for volume in range(QUIETEST, LOUDEST + 1):
            ear.forget()
            voices.say([Spoken("en", "a")], Volume(volume))
            expected = scaled(tone(90), gain_of(6.0 * (volume - LOUDEST)))
            until(lambda expected=expected: expected in ear.samples(), "it is heard")  # type: ignore[misc]
            peaks.append(max(expected))
    assert expected == tone(90), "the loudest is the clip itself"


def test_in_the_courts_quiet_hours_the_voice_is_turned_down(ear: Ear, tmp_path: Path) -> None:
    pack = pack_of(tmp_path / "speech", "en", {"a": tone(90)})
    quiet = False
    with playing(Office()) as player:
        voices = Voices(player, lambda report: None, loudness=lambda: 0.5 if quiet else 1.0)
        voices.adopt(open_packs([path_of(tmp_path / "speech", pack)], lambda report: None))
        quiet = True
        voices.say([Spoken("en", "a")], LOUDEST)
        until(lambda: scaled(tone(90), 0.5) in ear.samples(), "it is heard at half")
    assert tone(90) not in ear.samples()


def test_several_packs_of_one_language_add_up(ear: Ear, tmp_path: Path) -> None:
    packs = [pack_of(tmp_path / "speech", "uk", {word: tone(mark)}) for word, mark in (("суд", 1), ("так", 2))]
    with playing(Office()) as player:
        voices, reports = voices_of(player, tmp_path / "speech", *packs)
        assert voices.languages == {"uk"}
        voices.say([Spoken("uk", "суд"), Spoken("uk", "так")], LOUDEST)
        until(lambda: ear.hears(tone(1)) and ear.hears(tone(2)), "both are heard")
    assert reports == []


def test_a_sentence_that_nobody_speaks_is_left_out_and_reported_once(ear: Ear, tmp_path: Path) -> None:
    pack = pack_of(tmp_path / "speech", "en", {"a": tone(1), "c": tone(3)})
    with playing(Office()) as player:
        voices, reports = voices_of(player, tmp_path / "speech", pack)
        for _ in range(2):
            voices.say([Spoken("en", "a"), Spoken("en", "b"), Spoken("en", "c")], LOUDEST)
        until(lambda: ear.hears(tone(3)), "the others are heard")
    assert len(reports) == 1
    assert "'b'" in reports[0]


def test_a_device_whose_speech_has_not_come_is_silent_and_reports_no_sentence(ear: Ear, tmp_path: Path) -> None:
    with playing(Office()) as player:
        voices, reports = voices_of(player, tmp_path / "speech")
        until(ear.samples, "the card has been tried")
        until(lambda: ear.quiet_for(0.3), "and is silent again")
        voices.say([Spoken("en", str(number)) for number in range(100)], LOUDEST)
        assert ear.quiet_for(0.3)
    assert reports == []


def test_a_damaged_pack_is_left_out_and_the_others_speak(ear: Ear, tmp_path: Path) -> None:
    folder = tmp_path / "speech"
    damaged, whole = pack_of(folder, "uk", {"а": tone(1)}), pack_of(folder, "en", {"b": tone(2)})
    path_of(folder, damaged).write_bytes(b"PK\x03\x04 nothing more")
    gone = VoicePack("pl", "espeak-ng", b"\x07" * 32, 1)
    with playing(Office()) as player:
        voices, reports = voices_of(player, folder, damaged, gone, whole)
        assert voices.languages == {"en"}
        voices.say([Spoken("en", "b")], LOUDEST)
        until(lambda: ear.hears(tone(2)), "the other language is heard")
    assert len(reports) == 2
    assert damaged.digest.hex() in reports[0]


def test_a_damaged_clip_is_left_out_and_the_rest_is_heard(ear: Ear, tmp_path: Path) -> None:
    folder = tmp_path / "speech"
    pack = pack_of(folder, "en", {"a": tone(1, 2.0), "b": tone(2)})
    path = path_of(folder, pack)
    content = bytearray(path.read_bytes())
    place = content.find(b".wav") + 24  # within the first clip's deflated samples
    content[place : place + 8] = bytes(8)
    path.write_bytes(content)
    with playing(Office()) as player:
        voices, reports = voices_of(player, folder, pack)
        voices.say([Spoken("en", "a"), Spoken("en", "b")], LOUDEST)
        until(lambda: reports, "the damage is reported")
        until(lambda: ear.hears(tone(2)) or ear.hears(tone(1, 2.0)), "the other sentence is heard")
    assert path.name in reports[0]


def test_a_pack_that_is_replaced_while_it_speaks_speaks_to_its_end(ear: Ear, tmp_path: Path) -> None:
    folder = tmp_path / "speech"
    old, new = pack_of(folder, "en", {"a": tone(1, 2.0), "b": tone(2)}), pack_of(folder, "en", {"a": tone(3)})
    with playing(Office()) as player:
        voices, reports = voices_of(player, folder, old)
        voices.say([Spoken("en", "a"), Spoken("en", "b")], LOUDEST)
        until(lambda: ear.begins(tone(1, 2.0)), "it has begun")
        voices.adopt(open_packs([path_of(folder, new)], reports.append))
        path_of(folder, old).unlink()
        until(lambda: ear.hears(tone(2)), "the second sentence is heard as well")
        voices.say([Spoken("en", "a")], USUAL)
        until(lambda: ear.hears(tone(3)), "and then the new one")
    assert reports == []


@pytest.mark.parametrize("sound", list(Sound))
def test_every_sign_is_heard(ear: Ear, sound: Sound) -> None:
    reports: list[str] = []
    with playing(Office()) as player:
        SpeakerSounds(player, reports.append).play(sound)
        samples = samples_of((SOUNDS / f"{sound.value}.wav").read_bytes())
        until(lambda: samples in ear.samples(), "the sign is heard")
    assert reports == []


def test_a_broken_sign_is_reported_and_stays_silent_while_the_others_are_heard(ear: Ear, tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    folder.mkdir()
    for sound in Sound:
        (folder / f"{sound.value}.wav").write_bytes((SOUNDS / f"{sound.value}.wav").read_bytes())
    (folder / "pressed.wav").write_bytes(b"RIFF, and no more")
    (folder / "moved.wav").unlink()
    reports: list[str] = []
    with playing(Office()) as player:
        sounds = SpeakerSounds(player, reports.append, folder=folder)
        for sound in (Sound.PRESSED, Sound.MOVED, Sound.SAVED):
            sounds.play(sound)
        saved = samples_of((SOUNDS / "saved.wav").read_bytes())
        until(lambda: saved in ear.samples(), "the whole one is heard")
    assert sorted(report.split()[2] for report in reports) == ["moved.wav", "pressed.wav"]
