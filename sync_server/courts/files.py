"""A court's settings as a TOML file that people write: read with faults told by place and fix, and written out to be changed.

A file says everything: what it leaves out is as usual, except for the names, which stay. Times are in seconds, hours as on a door.
What may stand in a field is what `wire` lets through; it is not said here again. Pure but for the reading: no Django.
"""

import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, TypeVar

import msgspec

from sync_server.courts.settings import USUAL_LANGUAGES, CourtSettings
from sync_server.project.written import TOP, UNKNOWN, FileFault, Table, read
from wire import crest
from wire.colour import Colour
from wire.crest import CrestError
from wire.envelopes import Hours, Misuse, Spell, Texts, Timings
from wire.events import Language

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
COUNTS: Final = ("aided", "burst_count", "run_count")
"""Fields of `Timings` and `Misuse` that are plain numbers; all others are times."""
LONGEST_NAME: Final = 200
CREST: Final = "crest.png"
"""What the crest's file is called where nobody has said it."""
LARGEST_FILE: Final = 4 * 1024 * 1024
"""Bytes of a picture as drawing programs save it; what is not shown is left out before its size is judged."""

_SPELL: Final = re.compile(r"^\s*(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})\s*$")
_WRITE_SPELLS: Final = 'Write a list such as ["09:00-13:00", "13:45-18:00"], or [] for closed.'

Spells = Annotated[list[str], msgspec.Meta(max_length=8)]
T = TypeVar("T", bound=msgspec.Struct)


class CourtFileError(FileFault):
    """A court's file cannot be used."""

    otherwise = "Compare it with what show-court prints."
    fixes: ClassVar[Mapping[str, str]] = {
        "languages": 'Write a list such as ["uk", "en"], each language once.',
        "language": "Write one of `languages`: the one that every visit begins in.",
        "name": f'Write [name] with uk = "…" and, if you like, other languages, at most {LONGEST_NAME} characters each.',
        "ask_reason": "Write true or false.",
        "ask_rotation": "Write true or false.",
        "accent": 'Write a colour such as "#1A5490", or leave it out.',
        "crest": 'Write the name of a PNG file that lies beside this file, such as "crest.png", or leave it out.',
        "quiet": 'Write a list such as ["12:00-13:00"], or leave it out.',
        "days": 'Write a table [hours.days] with lines such as 2026-12-25 = [] or 2026-12-31 = ["09:00-12:00"].',
        **dict.fromkeys(WEEKDAYS, _WRITE_SPELLS),
    }


class HoursTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[hours]`: every weekday by name, exceptions by date, and spells without sound."""

    monday: Spells
    tuesday: Spells
    wednesday: Spells
    thursday: Spells
    friday: Spells
    saturday: Spells
    sunday: Spells
    quiet: Spells = []
    days: Annotated[dict[str, Spells], msgspec.Meta(max_length=200)] = {}


class CourtFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file as it stands, before its times are understood."""

    languages: Annotated[tuple[Language, ...], msgspec.Meta(min_length=1, max_length=12)] = USUAL_LANGUAGES
    language: Language = "uk"
    ask_reason: bool = True
    ask_rotation: bool = True
    accent: Colour | None = None
    crest: str | None = None
    name: Texts | None = None
    timings: dict[str, int | float] = {}
    misuse: dict[str, int | float] = {}
    hours: HoursTable | None = None


def load(path: Path, *, timezone: str, name: Texts) -> CourtSettings:
    """The settings in `path` for a court in `timezone` that has been called `name` until now. Raises `CourtFileError`."""
    written = read(path, CourtFile, CourtFileError, locate=_at_its_day)
    file = path.name
    _check_languages(file, written)
    return CourtSettings(
        name=_name(file, written.name) if written.name is not None else name,
        languages=written.languages,
        language=written.language,
        ask_reason=written.ask_reason,
        ask_rotation=written.ask_rotation,
        timings=_numbers(file, "timings", written.timings, Timings),
        misuse=_numbers(file, "misuse", written.misuse, Misuse),
        hours=_hours(file, written.hours, timezone) if written.hours is not None else None,
        accent=written.accent,
        crest=_crest(path, written.crest) if written.crest is not None else None,
    )


def write(settings: CourtSettings, *, crest_file: str = CREST) -> str:
    """`settings` as the text of a file that `load` takes back, if the crest lies beside it as `crest_file`; it has every field."""
    lines = [f"languages = {_quoted(list(settings.languages))}", f"language = {_quoted(settings.language)}"]
    lines += [f"{name} = {'true' if getattr(settings, name) else 'false'}" for name in ("ask_reason", "ask_rotation")]
    lines += [f"accent = {_quoted(settings.accent)}" if settings.accent else '# accent = "#1A5490"  # the court\'s own colour']
    lines += [_crest_line(settings.crest, crest_file)]
    lines += ["", "[name]", *(f"{language} = {_quoted(name)}" for language, name in settings.name.items())]
    for title, numbers, units in (
        ("timings", settings.timings, "seconds; aided: times as long in the accessible mode"),
        ("misuse", settings.misuse, "seconds; …_count: how many"),
    ):
        lines += ["", f"[{title}]  # {units}"]
        lines += [f"{name} = {_shown(name, getattr(numbers, name))}" for name in numbers.__struct_fields__]
    if settings.hours is None:
        lines += ["", "# [hours]  # without this table it never closes", *(f'# {day} = ["09:00-18:00"]' for day in WEEKDAYS)]
    else:
        hours = settings.hours
        lines += ["", f"[hours]  # in {hours.timezone}"]
        lines += [f"{day} = {_quoted(_doors(spells))}" for day, spells in zip(WEEKDAYS, hours.week, strict=True)]
        lines += [f"quiet = {_quoted(_doors(hours.quiet))}"] if hours.quiet else []
        lines += ["", "[hours.days]"] if hours.days else []
        lines += [f"{day} = {_quoted(_doors(spells))}" for day, spells in sorted(hours.days.items())]
    return "\n".join(lines) + "\n"


def _at_its_day(table: Table, message: str) -> str:
    """Puts the faulty day or language into msgspec's message, which only says that it is one of them."""
    free = {"`$.name[...]`": table.get("name"), "`$.timings[...]`": table.get("timings"), "`$.misuse[...]`": table.get("misuse")}
    for place, values in free.items():
        kind: Any = Texts if "name" in place else dict[str, int | float]
        if place in message and isinstance(values, dict):
            for key, value in values.items():
                try:
                    msgspec.convert({key: value}, kind)
                except msgspec.ValidationError:
                    return message.replace(place, f"{place[:-6]}.{key}`")
    return message


def _check_languages(file: str, written: CourtFile) -> None:
    if len(set(written.languages)) != len(written.languages):
        raise CourtFileError(file, TOP, "languages", "a language stands there twice", CourtFileError.fixes["languages"])
    if written.language not in written.languages:
        reason = f"“{written.language}” is not among the languages"
        raise CourtFileError(file, TOP, "language", reason, CourtFileError.fixes["language"])


def _crest(path: Path, named: str) -> bytes:
    """The crest in the file that is `named` in the court's file `path`, without what is not shown."""
    file, field = path.name, "crest"
    try:
        with (path.parent / named).open("rb") as opened:
            data = opened.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        reason = f"“{named}” cannot be read ({getattr(error, 'strerror', None) or error})"
        fix = "Put the file beside this one, or leave the field out. Where the crest is set already: show-court --crest FILE."
        raise CourtFileError(file, TOP, field, reason, fix) from error
    if len(data) > LARGEST_FILE:
        reason = f"“{named}” has more than {LARGEST_FILE} bytes"
        raise CourtFileError(file, TOP, field, reason, f"Make the picture smaller; at most {crest.MOST_BYTES} bytes fit.")
    try:
        return crest.bare(data)
    except CrestError as error:
        raise CourtFileError(file, TOP, field, f"“{named}” {error.reason}", error.fix) from error


def _crest_line(data: bytes | None, named: str) -> str:
    if data is None:
        return f"# crest = {_quoted(named)}  # a small PNG beside this file"
    width, height = crest.checked(data)
    return f"crest = {_quoted(named)}  # {width} × {height} px; must lie beside this file: show-court --crest {named}"


def _name(file: str, name: Texts) -> Texts:
    given = {language: text.strip() for language, text in name.items() if text.strip()}
    if "uk" not in given:
        raise CourtFileError(file, "name", "uk", "the name in Ukrainian is missing", CourtFileError.fixes["name"])
    for language, text in given.items():
        if len(text) > LONGEST_NAME:
            raise CourtFileError(file, "name", language, f"{len(text)} characters", f"Write at most {LONGEST_NAME}.")
    return given


def _numbers(file: str, table: str, given: Mapping[str, int | float], kind: type[T]) -> T:
    """A table of seconds and counts as the struct of milliseconds and counts that travels."""
    known = {field.name: field.type for field in msgspec.inspect.type_info(kind).fields}  # type: ignore[attr-defined]
    values = {}
    for name, value in given.items():
        if name not in known:
            raise CourtFileError(file, table, name, UNKNOWN, f"Take it out, or write one of: {', '.join(known)}.")
        unit = _unit(name)
        least, most = known[name].ge, known[name].le
        exact = round(value * unit, 3)  # 2.006 s are 2006 ms, whatever binary fractions say
        if not least <= exact <= most or exact != int(exact):
            words = f"a whole number from {least} to {most}" if unit == 1 else f"seconds from {least / unit:g} to {most / unit:g}"
            raise CourtFileError(file, table, name, f"{value:g} cannot be used", f"Write {words}.")
        values[name] = int(exact)
    return kind(**values)


def _unit(name: str) -> int:
    return 1 if name in COUNTS else 1_000


def _shown(name: str, value: int) -> str:
    return f"{value / _unit(name):g}"


def _hours(file: str, written: HoursTable, timezone: str) -> Hours:
    for day in written.days:
        if not _is_date(day):
            raise CourtFileError(file, "hours, days", day, "is no date", "Write it as 2026-12-25.")
    return Hours(
        timezone=timezone,
        week=[_spells(file, "hours", day, getattr(written, day)) for day in WEEKDAYS],
        days={day: _spells(file, "hours, days", day, spells) for day, spells in written.days.items()},
        quiet=_spells(file, "hours", "quiet", written.quiet),
    )


def _spells(file: str, table: str, field: str, written: list[str]) -> list[Spell]:
    spells: list[Spell] = []
    for text in written:
        found = _SPELL.match(text)
        if found is None or int(found[2]) > 59 or int(found[4]) > 59:
            raise CourtFileError(file, table, field, f"“{text}” are no hours", _WRITE_SPELLS)
        begin, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
        if not begin < end <= 1440:
            reason = f"“{text}” does not end later on the same day"
            raise CourtFileError(file, table, field, reason, "Write the earlier time first; the day ends at 24:00.")
        if spells and begin < spells[-1][1]:
            raise CourtFileError(file, table, field, f"“{text}” begins before the one before it ends", "Put them in order.")
        spells.append((begin, end))
    return spells


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _doors(spells: list[Spell]) -> list[str]:
    return [f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}" for begin, end in spells]


def _quoted(value: str | list[str]) -> str:
    # JSON's strings and lists are TOML's too, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
