"""`python -m workbench.prepare`: what the demo needs in a server's database before it starts, and what it asks of it afterwards.

A process of its own with the server's configuration, so that the demo itself stays free of Django. The last line of standard
output is one JSON object; progress goes to standard error.
"""

import argparse
import json
import os
import secrets
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sync_server.courts.models import Court

DEMO_USER: Final = "demo"
KIOSK_COURT: Final = 0  # of sample_courts.COURTS
KIOSK_EXIT: Final = ("Демонстраційний кіоск", "Demonstration kiosk")


def main(argv: Sequence[str]) -> int:
    """`set-up [--samples]` or `stored --device NAME`."""
    parser = argparse.ArgumentParser(prog="python -m workbench.prepare")
    parser.add_argument("--config", required=True, help="the server's TOML file")
    commands = parser.add_subparsers(dest="command", required=True)
    setting_up = commands.add_parser("set-up", help="tables, questionnaire, courts, a sign-in; samples where asked")
    setting_up.add_argument("--samples", action="store_true")
    stored = commands.add_parser("stored", help="how many answers of a device the ledger holds")
    stored.add_argument("--device", required=True)
    options = parser.parse_args(argv)

    os.environ["VIDHUK_SERVER_CONFIG"] = options.config
    os.environ["DJANGO_SETTINGS_MODULE"] = "sync_server.project.settings"
    import django

    django.setup()
    answer = set_up(samples=options.samples) if options.command == "set-up" else count_stored(options.device)
    print(json.dumps(answer))
    return 0


def set_up(*, samples: bool) -> dict[str, Any]:
    """Courts where there are none yet, samples where they are asked for and missing, and a new password for the sign-in.

    With samples, the court of the kiosk speaks every language there is, aloud where there is a voice.
    """
    from sync_server.courts.models import Court, Exit
    from sync_server.courts.services import open_court, open_exit
    from workbench.sample_courts import COURTS

    chosen = COURTS[KIOSK_COURT]
    if samples:
        if not Court.objects.exists():
            _fill()
    elif not Court.objects.exists():
        open_court(slug=chosen.slug, name_uk=chosen.name_uk, name_en=chosen.name_en, is_sample=True)
    court = Court.objects.get(slug=chosen.slug)
    door = Exit.objects.filter(court=court, name_uk=KIOSK_EXIT[0]).first()
    if door is None:
        door = open_exit(court=court, name_uk=KIOSK_EXIT[0], name_en=KIOSK_EXIT[1])
    if samples:
        _speak_all_languages(court)
    return {
        "court": court.slug,
        "court_name": court.name_uk,
        "exit": door.id,
        "exit_name": door.name_uk,
        "username": DEMO_USER,
        "password": _sign_in(),
    }


def _speak_all_languages(court: "Court") -> None:
    """Offers every language of the questionnaire at `court`, unless somebody has chosen others, and makes the speech."""
    import msgspec
    from django.conf import settings

    from sync_server.courts.selectors import settings_of
    from sync_server.courts.services import set_court
    from sync_server.courts.settings import USUAL_LANGUAGES
    from sync_server.fleet.speech import mute, refresh
    from sync_server.fleet.voices import NoSpeaker
    from sync_server.project.setup import studio
    from sync_server.surveys.selectors import current_questionnaire, languages_of
    from workbench.sample_courts import LANGUAGES, NAMES

    wanted = settings_of(court)
    asked = current_questionnaire()
    if asked is not None and wanted.languages == USUAL_LANGUAGES:
        spoken = languages_of(asked)
        languages = tuple(language for language in LANGUAGES if language in spoken)
        names = wanted.name | {language: name for language, name in NAMES.items() if language in languages}
        set_court(court, msgspec.structs.replace(wanted, languages=languages, name=names))
    room = studio(settings.CONFIG)
    try:
        if made := refresh(room, now=datetime.now(UTC)):
            silent = f"; no voice for {', '.join(mute(room))}" if mute(room) else ""
            sys.stderr.write(f"  speech: {made} packs made{silent}\n")
    except NoSpeaker as fault:
        sys.stderr.write(f"  The kiosk stays silent. {fault}\n")


def _sign_in() -> str:
    """A new random password for the demo's administrator, who is made when missing."""
    from sync_server.accounts.models import Person
    from sync_server.accounts.services import create_administrator

    password = secrets.token_urlsafe(12)
    person = Person.objects.filter(username=DEMO_USER).first()
    if person is None:
        create_administrator(username=DEMO_USER, password=password, full_name="Demo")
    else:
        person.set_password(password)
        person.save(update_fields=["password"])
    return password


def _fill() -> None:
    from sync_server.results import tallies
    from workbench import samples

    terminal = sys.stderr.isatty()
    said = [-1]

    def say(done: int, total: int, court: str) -> None:
        percent = done * 100 // max(1, total)
        if terminal:
            sys.stderr.write(f"\r\x1b[K  sample results: {percent} % ({done} of {total} rows), {court}")
        elif percent // 25 != said[0]:
            said[0] = percent // 25
            sys.stderr.write(f"  sample results: {percent} % ({done} of {total} rows)\n")
        sys.stderr.flush()

    samples.fill(say, now=datetime.now(UTC))
    while tallies.step():
        pass
    if terminal:
        sys.stderr.write("\r\x1b[K")


def count_stored(device: str) -> dict[str, Any]:
    """Answers of `device` in the server's ledger."""
    from sync_server.ingest.models import LedgerRow, Stream

    streams = list(Stream.objects.filter(device__name=device).values_list("id", flat=True))
    return {"stored": LedgerRow.objects.filter(stream__in=streams, kind=1, item__key="overall").count()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
