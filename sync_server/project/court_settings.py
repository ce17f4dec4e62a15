"""What staff do with a court's settings: read them from a file, checked against what can be asked and said, and print them."""

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings as configured
from django.core.exceptions import ValidationError

from sync_server.courts.files import CREST, CourtFileError, load, write
from sync_server.courts.models import Court
from sync_server.courts.selectors import settings_of
from sync_server.courts.services import set_court
from sync_server.dashboard import theme as look
from sync_server.fleet.speech import Studio, packs_for, sentences_of
from sync_server.fleet.voices import NoSpeaker
from sync_server.project.written import TOP
from sync_server.surveys.selectors import current_questionnaire, languages_of
from wire.colour import TEXT_CONTRAST, contrast, rgb


def court_called(slug: str) -> Court:
    """The court with this short name. Raises `ValidationError`."""
    court = Court.objects.filter(slug=slug).first()
    if court is None:
        raise ValidationError(f"There is no court {slug!r}. See list-exits, or make one with add-court.")
    return court


def change(court: Court, file: Path, studio: Studio) -> None:
    """Sets `court` as `file` says. Raises `CourtFileError`, also for a language in which not all is written that is shown, and for
    an accent in which nobody could read what is written."""
    settings = load(file, timezone=court.timezone, name=settings_of(court).name)
    asked = current_questionnaire()
    can = languages_of(asked) if asked is not None else frozenset(settings.languages)
    for language in settings.languages:
        if language not in can or not sentences_of(language, studio.translations):
            known = ", ".join(sorted(other for other in can if sentences_of(other, studio.translations)))
            missing = f"there are no words in “{language}” for all that a kiosk shows"
            raise CourtFileError(file.name, TOP, "languages", missing, f"Take it out. There are words in {known}.")
    if settings.accent is not None:
        _check_accent(file.name, settings.accent)
    set_court(court, settings)


def _check_accent(file: str, accent: str) -> None:
    """By the colours that kiosks are shipped with. One that has a look of its own checks again, and says so in its reports."""
    light = look.read(configured.ASSETS / "theme.toml").palette.light
    reached = min(contrast(rgb(accent), rgb(ground)) for ground in (light.paper, light.surface))
    if reached < TEXT_CONTRAST:
        reason = f"“{accent}” stands out only {reached:.1f}:1 against the kiosk's ground; text needs {TEXT_CONTRAST:g}:1"
        raise CourtFileError(file, TOP, "accent", reason, "Write a darker colour.")


def text_of(court: Court, studio: Studio, *, crest_file: str = CREST) -> str:
    """The settings of `court` as a file that can be changed and set again, with the crest beside it as `crest_file`; how its
    languages sound stands at the end."""
    settings = settings_of(court)
    speech = [f"#   {line}" for line in _speech(court, settings.languages, studio)]
    return f"# {court.slug}, {court.timezone}\n{write(settings, crest_file=crest_file)}\n# Speech:\n" + "\n".join(speech) + "\n"


def save_crest(court: Court, file: Path) -> None:
    """Writes the crest of `court` to `file`. Raises `ValidationError` where there is none, or no writing there."""
    crest = settings_of(court).crest
    if crest is None:
        raise ValidationError(f"{court.slug} has no crest.")
    try:
        file.write_bytes(crest)
    except OSError as fault:
        raise ValidationError(f"{file} cannot be written ({fault.strerror}). Name another file.") from fault


def _speech(court: Court, languages: Iterable[str], studio: Studio) -> list[str]:
    made = {pack.language: pack for pack in packs_for(court.pk, languages) if pack.court_id is None}
    lines = []
    for language in languages:
        if pack := made.get(language):
            lines.append(f"{language}: {pack.voice}, {pack.size / 1e6:.1f} MB")
            continue
        try:
            lines.append(
                f"{language}: not made yet" if studio.speaker.voice(language) else f"{language}: none, espeak-ng has no voice"
            )
        except NoSpeaker as fault:
            lines.append(f"{language}: none. {fault}")
    return lines
