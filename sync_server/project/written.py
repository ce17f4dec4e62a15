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
_PLACE: Final = re.compile(r"^(?P<reason>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)
_MISSING: Final = re.compile(r"required field `(\w+)`|unknown field `(\w+)`")


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
        return f"{self.file}, {self.table}, field “{self.field}”: {self.reason}. {self.fix}"

    @classmethod
    def explaining(cls, file: str, message: str) -> "FileFault":
        """The fault that msgspec tells as `message`."""
        found = _PLACE.match(message)
        reason, path = (found["reason"], found["path"] or "$") if found else (message, "$")
        steps = [step for step in re.split(r"\.|(?=\[\d)", path.removeprefix("$")) if step]
        missing = _MISSING.search(reason)
        field = next((name for name in missing.groups() if name), "") if missing else ""
        if not field:
            while steps and steps[-1].startswith("["):
                steps.pop()
            field = steps.pop() if steps else ""
        unknown = "unknown field" in reason
        fix = "Take it out, or correct its spelling." if unknown else cls.fixes.get(field, cls.otherwise)
        return cls(file, _table(steps), field, reason[:1].lower() + reason[1:], fix)


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
