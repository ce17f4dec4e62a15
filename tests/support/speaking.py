"""Speech packs as the server makes them: clips from the real espeak-ng."""

import subprocess
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from tests.support.tools import find_tool
from wire.envelopes import VoicePack
from wire.speech import write_pack

VOICE = "espeak-ng"


def clip(language: str, sentence: str) -> bytes:
    """The samples of `sentence`, spoken."""
    program = find_tool("espeak-ng", "espeak-ng")
    done = subprocess.run(
        [program, "-v", language, "--stdout", sentence], stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    head = done.stdout.index(b"data") + 8  # a WAV file written to a pipe does not know its length
    return done.stdout[head:]


def make_pack(folder: Path, language: str, sentences: Iterable[str]) -> VoicePack:
    """Writes a pack into `folder` under the name of its digest, and says what a configuration would say of it."""
    return pack_of(folder, language, {sentence: clip(language, sentence) for sentence in sentences})


def pack_of(folder: Path, language: str, clips: dict[str, bytes]) -> VoicePack:
    """The same of samples that are there already."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / "draft"
    with draft.open("wb") as file:
        write_pack(file, language=language, voice=VOICE, clips=clips)
    content = draft.read_bytes()
    digest = sha256(content).digest()
    draft.rename(folder / f"{digest.hex()}.zip")
    return VoicePack(language, VOICE, digest, len(content))
