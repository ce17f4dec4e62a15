"""Speech packs: what one side writes the other side reads, and no bytes can crash the reader."""

import io
import json
import wave
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.speech import INDEX, MAX_CLIP_BYTES, RATE, Pack, SpeechError, clip_name, samples_of, wav_of, write_pack

CLIPS = {"Дякуємо!": b"\x01\x00\x02\x00" * 50, "Добре": b"\xff\x7f" * 10}


def packed(clips: dict[str, bytes] = CLIPS, language: str = "uk") -> bytes:
    file = io.BytesIO()
    write_pack(file, language=language, voice="espeak-ng uk", clips=clips)
    return file.getvalue()


def repacked(**members: bytes) -> io.BytesIO:
    """The usual pack with some members replaced; `name_wav` stands for `name.wav`."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed())) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            new.writestr(name, members.get(name.replace(".", "_"), old.read(name)))
    return file


def test_a_name_is_the_same_on_both_sides_for_ever() -> None:
    assert clip_name("uk", "Дякуємо!") == "292f7a809f359978ae804b01c2466aa2"


def test_the_same_words_in_two_languages_are_two_clips() -> None:
    assert clip_name("uk", "Test") != clip_name("en", "Test")


def test_a_pack_gives_back_what_was_put_in() -> None:
    pack = Pack(io.BytesIO(packed()))
    assert (pack.index.language, pack.index.voice) == ("uk", "espeak-ng uk")
    assert set(pack.index.sentences) == set(CLIPS)
    assert {sentence: pack.samples(clip_name("uk", sentence)) for sentence in CLIPS} == CLIPS
    assert pack.clips == {clip_name("uk", sentence) for sentence in CLIPS}


def test_the_same_speech_makes_the_same_bytes_in_whatever_order_it_comes() -> None:
    assert packed() == packed(dict(reversed(CLIPS.items())))


def test_a_clip_is_a_wav_file_that_any_player_plays() -> None:
    with wave.open(io.BytesIO(wav_of(CLIPS["Добре"]))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (1, 2, RATE, 10)


@pytest.mark.parametrize("samples", [b"", b"\x00", b"\x00" * (MAX_CLIP_BYTES + 2)], ids=["none", "half a sample", "too many"])
def test_what_is_no_clip_is_not_packed(samples: bytes) -> None:
    with pytest.raises(SpeechError):
        packed({"a": samples})


def test_a_pack_that_no_reader_would_take_is_not_written() -> None:
    with pytest.raises(SpeechError, match="language"):
        packed(language="Ukrainian!")


@pytest.mark.parametrize("form", [(2, 2, RATE), (1, 1, RATE), (1, 2, 44_100)], ids=["two channels", "bytes", "another rate"])
def test_a_wav_file_of_another_form_is_refused(form: tuple[int, int, int]) -> None:
    file = io.BytesIO()
    with wave.open(file, "wb") as other:
        other.setnchannels(form[0])
        other.setsampwidth(form[1])
        other.setframerate(form[2])
        other.writeframes(b"\x00" * 40)
    with pytest.raises(SpeechError, match="wanted"):
        samples_of(file.getvalue())


def test_one_damaged_clip_leaves_the_others() -> None:
    broken, whole = clip_name("uk", "Добре"), clip_name("uk", "Дякуємо!")
    pack = Pack(repacked(**{f"{broken}_wav": b"RIFF and nothing more"}))
    with pytest.raises(SpeechError):
        pack.samples(broken)
    assert pack.samples(whole) == CLIPS["Дякуємо!"]


def test_a_clip_that_is_listed_and_missing_is_simply_not_there() -> None:
    index = json.loads(zipfile.ZipFile(io.BytesIO(packed())).read(INDEX)) | {"sentences": [*CLIPS, "Погано"]}
    pack = Pack(repacked(index_json=json.dumps(index).encode()))
    assert clip_name("uk", "Погано") not in pack.clips
    with pytest.raises(SpeechError, match="no clip"):
        pack.samples(clip_name("uk", "Погано"))


def test_a_clip_that_would_unpack_without_end_is_not_unpacked() -> None:
    bomb = clip_name("uk", "Добре")
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed())) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        new.writestr(INDEX, old.read(INDEX))
        new.writestr(f"{bomb}.wav", b"\x00" * (MAX_CLIP_BYTES + 10_000))
    with pytest.raises(SpeechError, match="at most"):
        Pack(file).samples(bomb)


@pytest.mark.parametrize("index", [b"", b"{", b'{"v": 2}', b"[" * 5000], ids=["empty", "torn", "of another version", "deep"])
def test_a_pack_without_a_readable_index_is_refused(index: bytes) -> None:
    with pytest.raises(SpeechError):
        Pack(repacked(index_json=index))


@given(st.binary(max_size=400))
def test_whatever_bytes_come_reading_returns_or_says_why(data: bytes) -> None:
    with pytest.raises(SpeechError):
        Pack(io.BytesIO(data))


@given(st.integers(min_value=0, max_value=len(packed()) - 1), st.integers(min_value=1, max_value=255))
def test_a_damaged_byte_anywhere_is_noticed_or_does_no_harm(place: int, flip: int) -> None:
    data = bytearray(packed())
    data[place] ^= flip
    try:
        pack = Pack(io.BytesIO(data))
    except SpeechError:
        return
    for sentence, samples in CLIPS.items():
        name = clip_name("uk", sentence)
        if name in pack.clips:
            try:
                assert pack.samples(name) == samples
            except SpeechError:
                continue
