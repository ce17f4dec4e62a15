"""Speech made beforehand: how a sentence names its clip, and how clips travel together.

A pack is a ZIP file of one `<clip>.wav` for each sentence and an `index.json` that lists the sentences. Several packs of one
language add up. Nothing here opens a file by its name or plays a sound; whatever bytes a pack holds, reading it returns or raises
`SpeechError`, nothing else.
"""

import io
import wave
import zipfile
import zlib
from collections.abc import Mapping
from hashlib import sha256
from typing import IO, Annotated, Final, Literal

import msgspec

from wire.events import Language

RATE: Final = 22_050
"""Samples a second; a sample is a signed 16-bit number, little-endian, of one channel."""
SAMPLE_BYTES: Final = 2
MAX_CLIP_BYTES: Final = 60 * RATE * SAMPLE_BYTES
"""Bytes of samples in one clip: a minute. The longest sentence on a screen takes ten seconds."""
MAX_SENTENCES: Final = 2_000
INDEX: Final = "index.json"
MAX_INDEX_BYTES: Final = 2 * 1024 * 1024

_PURPOSE: Final = "vidhuk speech"
_CLIP_BYTES: Final = 16
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The time of every member: the same speech makes the same bytes."""

_READING: Final = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, LookupError)
"""What zipfile and wave raise for damaged bytes depends on which of them are damaged."""


class SpeechError(ValueError):
    """A pack or a clip that cannot be used. The text says what was found."""


class Index(msgspec.Struct, frozen=True):
    """What a pack says of itself: whose `voice` speaks which `sentences`, word for word as they are shown."""

    v: Literal[1]
    language: Language
    voice: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    sentences: Annotated[list[Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]], msgspec.Meta(max_length=MAX_SENTENCES)]


def clip_name(language: str, sentence: str) -> str:
    """The name of `sentence` spoken in `language`: 32 hexadecimal digits."""
    return sha256(f"{_PURPOSE}\0{language}\0{sentence}".encode()).digest()[:_CLIP_BYTES].hex()


def write_pack(file: IO[bytes], *, language: str, voice: str, clips: Mapping[str, bytes]) -> None:
    """Writes `clips` (sentence → samples) as a pack. The same arguments always make the same bytes.

    Raises `SpeechError` for what no reader would take.
    """
    index = Index(1, language, voice, sorted(clips))
    try:
        document = msgspec.json.encode(index)
        msgspec.json.decode(document, type=Index)
    except msgspec.ValidationError as fault:
        raise SpeechError(f"no reader would take this pack: {fault}") from None
    with zipfile.ZipFile(file, "w") as archive:
        _add(archive, INDEX, document)
        for sentence in index.sentences:
            _add(archive, f"{clip_name(language, sentence)}.wav", wav_of(clips[sentence]))


def wav_of(samples: bytes) -> bytes:
    """`samples` as a WAV file. Raises `SpeechError` for more than a clip may hold."""
    if not samples or len(samples) % SAMPLE_BYTES or len(samples) > MAX_CLIP_BYTES:
        raise SpeechError(f"{len(samples)} bytes of samples are no clip: 2 to {MAX_CLIP_BYTES}, {SAMPLE_BYTES} a sample")
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((1, SAMPLE_BYTES, RATE, len(samples) // SAMPLE_BYTES, "NONE", "not compressed"))
        file.writeframes(samples)
    return made.getvalue()


def samples_of(wav: bytes) -> bytes:
    """The samples in a WAV file of our format. Raises `SpeechError`."""
    try:
        with wave.open(io.BytesIO(wav), "rb") as file:
            form = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            samples = file.readframes(file.getnframes())
            whole = len(samples) == file.getnframes() * SAMPLE_BYTES
    except (wave.Error, *_READING) as fault:
        raise SpeechError(f"not a WAV file: {fault!r}") from None
    if form != (1, SAMPLE_BYTES, RATE):
        raise SpeechError(f"{form[0]} channels of {form[1]} bytes at {form[2]} Hz, where 1 of {SAMPLE_BYTES} at {RATE} is wanted")
    if not samples or not whole:
        raise SpeechError("the WAV file is cut short")
    return samples


class Pack:
    """A pack, read from an open binary `file` that can seek and that stays its owner's. Raises `SpeechError`.

    `index` is what it says of itself, `clips` the names of what it holds. A clip is read, and checked, only when it is asked for.
    """

    def __init__(self, file: IO[bytes]) -> None:
        try:
            self._archive = zipfile.ZipFile(file)
            members = {member.filename: member for member in self._archive.infolist()}
            self.index = msgspec.json.decode(self._read(members[INDEX], MAX_INDEX_BYTES), type=Index)
        except SpeechError:
            raise
        except (msgspec.MsgspecError, RecursionError, *_READING) as fault:
            raise SpeechError(f"not a speech pack: {fault!r}") from None
        named = {clip_name(self.index.language, sentence) for sentence in self.index.sentences}
        self._members = {name: members[f"{name}.wav"] for name in named if f"{name}.wav" in members}

    @property
    def clips(self) -> frozenset[str]:
        """The names of the clips it holds of the sentences it lists."""
        return frozenset(self._members)

    def samples(self, clip: str) -> bytes:
        """The samples of a clip it holds: 16 bits, one channel, `RATE` a second. Raises `SpeechError` for a damaged one."""
        if clip not in self._members:
            raise SpeechError(f"the pack holds no clip {clip}")
        # A WAV file is its samples behind a small head.
        return samples_of(self._read(self._members[clip], MAX_CLIP_BYTES + 1_024))

    def _read(self, member: zipfile.ZipInfo, most: int) -> bytes:
        if member.file_size > most:
            raise SpeechError(f"{member.filename} holds {member.file_size} bytes; at most {most} are taken")
        try:
            return self._archive.read(member)
        except _READING as fault:
            raise SpeechError(f"{member.filename} cannot be read: {fault!r}") from None


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    member = zipfile.ZipInfo(name, _EPOCH)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    archive.writestr(member, data)
