"""Reads `assets/questionnaires/*.toml` and says, for each fault, the file, the table, the field and what to do. Pure but for
the reading: no Django.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

import msgspec

from sync_server.project.written import TOP, FileFault, Table, read
from wire.envelopes import Item, Option, Questionnaire, Texts
from wire.events import DONT_KNOW, NOT_APPLICABLE, Key, Language

QUESTIONNAIRES: Final = Path(__file__).resolve().parents[2] / "assets" / "questionnaires"


class Scale(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options an item can point to. In a `scale` they go from worst to best, in a `choice` they have no order.

    Last may come what is counted and never averaged: -1 for «не знаю», -2 for «мене не стосується».
    """

    kind: Literal["scale", "choice"]
    options: Annotated[list[Option], msgspec.Meta(min_length=2, max_length=11)]


class AskedItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One question of the file."""

    key: Key
    scale: Key
    text: Texts


class Sheet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A questionnaire as people write it: a key, the languages it is complete in, scales and items.

    Each visitor is asked all of `items` and one of the bank `rotation`.
    """

    key: Key
    languages: Annotated[list[Language], msgspec.Meta(min_length=1, max_length=12)]
    title: Texts
    scales: dict[Key, Scale]
    items: Annotated[list[AskedItem], msgspec.Meta(min_length=1, max_length=40)]
    rotation: Annotated[list[AskedItem], msgspec.Meta(max_length=40)] = []

    def questionnaire(self, version: int) -> Questionnaire:
        """What travels to a kiosk when this sheet is released as `version`."""
        return Questionnaire(version=version, key=self.key, items=self._asked(self.items), rotation=self._asked(self.rotation))

    def _asked(self, items: list[AskedItem]) -> list[Item]:
        scales = self.scales
        return [Item(item.key, scales[item.scale].kind, item.scale, item.text, scales[item.scale].options) for item in items]


class QuestionnaireFileError(FileFault):
    """A questionnaire file cannot be used."""

    otherwise = "Compare it with exit.toml."
    fixes: ClassVar[Mapping[str, str]] = {
        "key": 'Write a short name of small Latin letters, digits, dots and hyphens, such as "overall".',
        "scale": 'Name one of the tables under [scales], such as "faces5".',
        "kind": 'Write "scale" (worst to best) or "choice" (no order).',
        "value": "Write a whole number from 0 to 10, each once; -1 for “don't know” and -2 for “does not concern me”, at the end.",
        "options": "Give 2 to 11 options, each with value and text.",
        "text": 'Write { uk = "…", en = "…" } with at most 400 characters each.',
        "title": 'Write { uk = "…", en = "…" } with at most 400 characters each.',
        "languages": 'Write a list such as ["uk", "en"].',
        "items": "Add at least one [[items]] table with key, scale and text.",
        "rotation": "Write [[rotation]] tables with key, scale and text, or none.",
        "scales": "Add a table such as [scales.faces5] with kind and options.",
        "icon": 'Write the name of a picture, such as "face-1", or leave it out.',
    }


BESIDE: Final = (DONT_KNOW, NOT_APPLICABLE)
"""Values that lie beside every scale."""


def load(path: Path) -> Sheet:
    """The questionnaire in `path`, complete in every language it names. Raises `QuestionnaireFileError` at the first fault."""
    sheet = read(path, Sheet, QuestionnaireFileError, locate=_in_its_scale)
    _check_references(path.name, sheet)
    _check_languages(path.name, sheet)
    return sheet


def load_all(folder: Path = QUESTIONNAIRES) -> list[Sheet]:
    """Every questionnaire of the folder, by file name."""
    return [load(path) for path in sorted(folder.glob("*.toml"))]


def _in_its_scale(table: Table, message: str) -> str:
    """msgspec does not say under which name of a table a fault lies (`$.scales[...]`); this finds out."""
    if "`$.scales[...]" not in message:
        return message
    for name, scale in table["scales"].items():
        try:
            msgspec.convert(scale, Scale)
        except msgspec.ValidationError:
            return message.replace("`$.scales[...]", f"`$.scales.{name}", 1)
    return message


def _check_references(file: str, sheet: Sheet) -> None:
    seen: set[str] = set()
    for place, item in _places(sheet):
        if item.scale not in sheet.scales:
            raise QuestionnaireFileError(
                file, place, "scale", f"there is no scale “{item.scale}”", QuestionnaireFileError.fixes["scale"]
            )
        if item.key in seen:
            raise QuestionnaireFileError(
                file, place, "key", f"“{item.key}” is used twice", "Give every item a key of its own, the rotation's too."
            )
        seen.add(item.key)
    for name, scale in sheet.scales.items():
        values = [option.value for option in scale.options]
        points = [value for value in values if value not in BESIDE]
        if len(set(values)) != len(values) or len(points) < 2 or values[: len(points)] != points:
            raise QuestionnaireFileError(
                file, f"scales, {name}", "value", f"the values are {values}", QuestionnaireFileError.fixes["value"]
            )
        if scale.kind == "scale" and points != sorted(points):
            raise QuestionnaireFileError(
                file, f"scales, {name}", "value", f"the values are {values}", "Put the options in order, worst first."
            )


def _places(sheet: Sheet) -> list[tuple[str, AskedItem]]:
    """Every item with the words by which a person finds it in the file."""
    banks = (("items", sheet.items), ("rotation", sheet.rotation))
    return [(f"{bank}, entry {n}", item) for bank, items in banks for n, item in enumerate(items, start=1)]


def _check_languages(file: str, sheet: Sheet) -> None:
    texts: list[tuple[str, str, Texts]] = [(TOP, "title", sheet.title)]
    texts += [(place, "text", item.text) for place, item in _places(sheet)]
    texts += [
        (f"scales, {name}, options, entry {n}", "text", option.text)
        for name, scale in sheet.scales.items()
        for n, option in enumerate(scale.options, start=1)
    ]
    for table, field, text in texts:
        for language in sheet.languages:
            if not text.get(language, "").strip():
                raise QuestionnaireFileError(
                    file, table, field, f"has no text in “{language}”", "Write it, or take the language out of “languages”."
                )
