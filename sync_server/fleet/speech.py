"""Makes what kiosks say aloud: packs of clips for every text that a visitor may be shown, whenever one of them has changed.

Each language has one pack for all courts, and a small one for the name of each court, so that a new court costs a second of
speech and not a minute. What a pack was made from is kept with it as a hash: the same texts are never spoken twice.
"""

import contextlib
import gettext
import logging
import os
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from django.db.models import Q

from sync_server.courts.models import Court
from sync_server.courts.selectors import settings_of
from sync_server.fleet.models import SpeechPack
from sync_server.fleet.voices import Espeak
from sync_server.surveys.selectors import current_questionnaire, languages_of
from wire.envelopes import Questionnaire
from wire.speech import SpeechError, write_pack

log = logging.getLogger(__name__)

FORM: Final = 1
"""Counts up when packs are made otherwise than before."""
KEPT: Final = timedelta(days=2)
"""How long a pack stays that nothing names any more: a device may still be fetching it."""
LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a pack, as `wire.envelopes.VoicePack` has it."""
DIGITS: Final = tuple("0123456789")
"""Numbers are read out digit by digit."""


class Script(NamedTuple):
    """What one pack is to say. `court` none: what every court says."""

    language: str
    court: int | None
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Studio:
    """Where speech is made: who speaks, where packs are kept, where the catalogues are."""

    speaker: Espeak
    folder: Path
    translations: Path

    def file(self, digest: bytes) -> Path:
        """Where the pack with this SHA-256 is kept."""
        return pack_file(self.folder, digest.hex())


def pack_file(folder: Path, digest: str) -> Path:
    """Where the pack with the hexadecimal SHA-256 `digest` is kept."""
    return folder / f"{digest}.zip"


def refresh(studio: Studio, *, now: datetime, stopping: Callable[[], bool] = lambda: False) -> int:
    """Makes every pack that is missing or out of date, and forgets what nobody wants any more. Returns how many were made.

    Takes minutes where everything is new and looks only at a few rows where nothing is. No transaction is open while it speaks.
    Raises `NoSpeaker`.
    """
    wanted = list(scripts(studio.translations))
    held = {(pack.language, pack.court_id): pack for pack in SpeechPack.objects.all()}
    made = 0
    for script in wanted:
        if stopping():
            return made
        made += _bring_up_to_date(script, held.get((script.language, script.court)), studio, now, stopping)
    _forget(wanted, studio, now)
    return made


def scripts(translations: Path) -> Iterator[Script]:
    """Everything that is to be spoken for the courts there are, as they are set."""
    asked = current_questionnaire()
    if asked is None:
        return
    courts = [(court.id, settings_of(court)) for court in Court.objects.order_by("id")]
    offered = {language for _, settings in courts for language in settings.languages} & languages_of(asked)
    for language in sorted(offered):
        yield Script(language, None, _common(language, asked, translations))
    for number, settings in courts:
        for language in named_in(settings.name, settings.languages):
            yield Script(language, number, (settings.name[language],))


def named_in(names: Mapping[str, str], languages: Iterable[str]) -> list[str]:
    """The languages of `names` in which a kiosk may show one of them: those on offer, and the first, for those without a name."""
    return list(dict.fromkeys([*(language for language in languages if language in names), next(iter(names))]))


def mute(studio: Studio) -> list[str]:
    """The languages on offer somewhere that nobody can speak. Raises `NoSpeaker`."""
    offered = {script.language for script in scripts(studio.translations) if script.court is None}
    return sorted(language for language in offered if studio.speaker.voice(language) is None)


def sentences_of(language: str, translations: Path) -> frozenset[str]:
    """What a kiosk itself says in `language`, from its catalogue: all that is not filled in on the spot. Empty without one."""
    try:
        with (translations / language / "LC_MESSAGES" / "visitor.mo").open("rb") as file:
            return _Catalogue(file).sentences
    except (OSError, ValueError, EOFError, LookupError, SyntaxError, ArithmeticError, struct.error) as fault:
        # What gettext raises on a damaged file depends on which bytes are damaged.
        log.warning("the catalogue of %r cannot be read, so its sentences are not spoken: %s", language, fault)
        return frozenset()


class _Catalogue(gettext.GNUTranslations):
    @property
    def sentences(self) -> frozenset[str]:
        catalogue: Mapping[object, str] = self._catalog  # type: ignore[attr-defined]
        texts = (text.strip() for key, text in catalogue.items() if key)  # the empty key holds the file's own head
        return frozenset(text for text in texts if text and "{" not in text)


def _common(language: str, asked: Questionnaire, translations: Path) -> tuple[str, ...]:
    items = (*asked.items, *asked.rotation)
    texts = [item.text[language] for item in items] + [option.text[language] for item in items for option in item.options]
    return tuple(sorted({*texts, *DIGITS, *sentences_of(language, translations)}))


def _bring_up_to_date(script: Script, held: SpeechPack | None, studio: Studio, now: datetime, stopping: Callable[[], bool]) -> bool:
    voice = studio.speaker.voice(script.language)
    if voice is None:
        return False
    speaker = f"espeak-ng {voice}"
    source = [FORM, studio.speaker.version, speaker, script.language, script.sentences]
    basis = sha256(msgspec.json.encode(source)).digest()
    if held is not None and bytes(held.basis) == basis and _is_kept(studio, held):
        return False
    clips: dict[str, bytes] = {}
    for sentence in script.sentences:
        if stopping():
            return False
        try:
            clips[sentence] = studio.speaker.speak(voice, sentence)
        except SpeechError as fault:
            log.warning("a sentence stays silent in %r: %s", script.language, fault)
    digest, size = _keep(studio, script.language, speaker, clips)
    told = {"voice": speaker, "basis": basis, "digest": digest, "size": size, "made_at": now}
    if held is None or not SpeechPack.objects.filter(id=held.id).update(**told):
        SpeechPack.objects.create(language=script.language, court_id=script.court, **told)
    if held is not None and bytes(held.digest) != digest:
        with contextlib.suppress(OSError):
            os.utime(studio.file(bytes(held.digest)))  # from now on it is kept only for those who are still fetching it
    log.info("speech in %r by %s: %d sentences, %d bytes", script.language, speaker, len(clips), size)
    return True


def _is_kept(studio: Studio, pack: SpeechPack) -> bool:
    try:
        return studio.file(bytes(pack.digest)).stat().st_size == pack.size
    except OSError:
        return False


def _keep(studio: Studio, language: str, voice: str, clips: Mapping[str, bytes]) -> tuple[bytes, int]:
    """Writes a pack, whole or not at all, and returns its SHA-256 and its size in bytes. Raises `SpeechError`, `OSError`."""
    studio.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=studio.folder, suffix=".new", delete=False) as draft:
        try:
            write_pack(draft, language=language, voice=voice, clips=clips)
            size = draft.seek(0, os.SEEK_END)
            if not 0 < size <= LARGEST:
                raise SpeechError(f"the pack of {language!r} would have {size} bytes; at most {LARGEST} travel")
            draft.flush()
            os.fsync(draft.fileno())
            draft.seek(0)
            digest = sha256()
            while part := draft.read(1 << 20):
                digest.update(part)
            Path(draft.name).rename(studio.file(digest.digest()))
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise
    return digest.digest(), size


def _forget(wanted: Iterable[Script], studio: Studio, now: datetime) -> None:
    """Drops the rows of packs that nobody wants, and files that no row has named for a while."""
    keys = {(script.language, script.court) for script in wanted if studio.speaker.voice(script.language) is not None}
    stale = [id for id, *key in SpeechPack.objects.values_list("id", "language", "court_id") if tuple(key) not in keys]
    for start in range(0, len(stale), 500):
        SpeechPack.objects.filter(id__in=stale[start : start + 500]).delete()
    named = {studio.file(bytes(digest)) for digest in SpeechPack.objects.values_list("digest", flat=True)}
    for file in studio.folder.glob("*"):
        if file not in named and now.timestamp() - file.stat().st_mtime > KEPT.total_seconds():
            file.unlink(missing_ok=True)


def packs_for(court: int, languages: Iterable[str]) -> list[SpeechPack]:
    """What a kiosk of `court` may say in `languages`: for each, in their order, what every court says, then the court's name."""
    order = {language: place for place, language in enumerate(dict.fromkeys(languages))}
    packs = SpeechPack.objects.filter(Q(court=None) | Q(court_id=court), language__in=order)
    return sorted(packs, key=lambda pack: (order[pack.language], pack.court_id is not None))
