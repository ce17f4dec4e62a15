"""Reads TOML files that people write; says for each fault the file, the table, the field, the reason and the fix. No Django."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

import msgspec

T = TypeVar("T")
Table = dict[str, Any]

TOP: Final = "the top of the file"
MISSING: Final = "is missing"
UNKNOWN: Final = "is not known here"
_PLACE: Final = re.compile(r"^(?P<reason>.*?)(?: - at (?P<key>`key` in )?`(?P<path>[^`]*)`)?$", re.DOTALL)
_MISSING: Final = re.compile(r"missing required field `(?P<name>.*)`$", re.DOTALL)
_UNKNOWN: Final = re.compile(r"contains unknown field `(?P<name>.*)`$", re.DOTALL)
_OTHER_KIND: Final = re.compile(r"^Expected `(?P<kinds>[^`]+)`, got `(?P<kind>[^`]+)`$")
_LENGTH: Final = re.compile(r"^Expected `(?P<kind>[^`]+)` of length (?P<sign>>=|<=)? ?(?P<number>\d+)")
_BOUND: Final = re.compile(r"^Expected `(?P<kind>[^`]+)` (?P<sign>>=|<=|>|<) (?P<number>\S+)$")
_FORM: Final = re.compile(r"^Expected `str` matching regex")
_CHOICE: Final = re.compile(r"^Invalid enum value (?P<value>.+)$", re.DOTALL)
_KINDS: Final = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "a text in quotation marks",
    "array": "a list",
    "object": "a table",
    "date": "a date",
    "datetime": "a date with a time",
    "time": "a time",
}
"""msgspec's names of what can stand in a TOML file, and a person's."""
_LENGTHS: Final = {"str": "character", "array": "entry", "object": "entry"}
_SIGNS: Final = {">=": "at least ", "<=": "at most ", ">": "more than ", "<": "less than "}


@dataclass
class FileFault(Exception):
    """A file cannot be used. `fix` tells the person who wrote it what to change."""

    file: str
    table: str
    field: str
    reason: str
    fix: str

    fixes: ClassVar[Mapping[str, str]] = {}
    """What to do about a field that is not as it should be, where one sentence fits every case."""
    otherwise: ClassVar[str] = "Correct it."

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}. {self.fix}"

    @property
    def place(self) -> str:
        """Where the fault lies: file, table, and the field, unless it is the file as a whole."""
        return f"{self.file}, {self.table}" + (f", field “{self.field}”" if self.field else "")

    @classmethod
    def explaining(cls, file: str, message: str) -> "FileFault":
        """The fault that msgspec tells as `message`."""
        found = _PLACE.match(message)
        said, path = (found["reason"], found["path"] or "$") if found else (message, "$")
        steps = [step for step in re.split(r"\.|(?=\[\d)", path.removeprefix("$")) if step]
        lacking, unknown = _MISSING.search(said), _UNKNOWN.search(said)
        if (named := lacking or unknown) is not None:
            field = named["name"]
        else:
            while steps and steps[-1].startswith("["):
                steps.pop()
            field = steps.pop() if steps else ""
        reason = MISSING if lacking else UNKNOWN if unknown else _in_words(said)
        if found and found["key"]:
            reason = f"a name in it {reason}"
        fix = "Take it out, or correct its spelling." if unknown else cls.fixes.get(field, cls.otherwise)
        return cls(file, _table(steps), field, reason, fix)


def read(path: Path, kind: type[T], fault: type[FileFault], *, locate: Callable[[Table, str], str] = lambda _, said: said) -> T:
    """The TOML file `path` as a `kind`. Raises `fault`.

    msgspec does not say under which name of a free table a fault lies (`$.scales[...]`); `locate` may put that into its message.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise fault(path.name, "the file", "", f"cannot be read ({error.strerror})", "Put the file back.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise fault(path.name, "the file", "", f"is not TOML ({error})", "Mend the line that is named.") from error
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise fault.explaining(path.name, locate(table, str(error))) from error


def _table(steps: list[str]) -> str:
    """`["items", "[1]"]` as a person would find it: “items, entry 2”."""
    words = [f"entry {int(step[1:-1]) + 1}" if step[1:-1].isdigit() else step for step in steps]
    return ", ".join(words) if words else TOP


def _in_words(said: str) -> str:
    """What msgspec says is wrong with a value, in words that go on from the field's name."""
    if (found := _OTHER_KIND.match(said)) is not None:
        return f"must be {_kinds(found['kinds'])}, but is {_kinds(found['kind'])}"
    if (found := _LENGTH.match(said)) is not None:
        number, one = int(found["number"]), _LENGTHS.get(found["kind"], "entry")
        many = f"{one[:-1]}ies" if one.endswith("y") else f"{one}s"
        return f"must have {_SIGNS.get(found['sign'] or '', '')}{number} {one if number == 1 else many}"
    if (found := _BOUND.match(said)) is not None:
        return f"must be {_SIGNS[found['sign']]}{found['number']}"
    if _FORM.match(said) is not None:
        return "has characters that cannot stand there, or too few or too many"
    if (found := _CHOICE.match(said)) is not None:
        return f"is {found['value']}, which is none of the words that may stand there"
    return said[:1].lower() + said[1:]


def _kinds(names: str) -> str:
    """`int | float` as a person says it."""
    kinds = [name for name in names.split(" | ") if name != "null"]
    if "float" in kinds and "int" in kinds:
        kinds.remove("int")
    return " or ".join(_KINDS.get(kind, kind) for kind in kinds)
