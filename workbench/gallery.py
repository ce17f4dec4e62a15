"""Every screen of the kiosk as a picture to look at or to measure: each scene in every language, size and mode. Opens no window."""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kiosk.core.access import LOUDEST, USUAL, Aid
from kiosk.core.hours import Opening
from kiosk.core.surroundings import Surroundings
from kiosk.core.timekeeping import Stamp
from kiosk.core.visit import Action, Phase, Scene
from kiosk.screen.picture import Picture
from kiosk.screen.presenter import Presenter
from kiosk.screen.theme import Palette, Theme
from kiosk.texts import LANGUAGES, Texts
from wire.envelopes import Item, Option
from wire.events import BootId, Millis

__all__ = ("COURT", "LANGUAGES", "MODES", "PANELS", "SIZES", "URL", "Shot", "StillClock", "bank", "items", "scenes", "shots")

ROOT: Final = Path(__file__).resolve().parent.parent
PANELS: Final = {
    (800, 480): 7.0,
    (1024, 600): 7.0,
    (1280, 800): 10.1,
    (1366, 768): 15.6,
    (1920, 1080): 15.6,
    (480, 800): 7.0,
    (600, 1024): 7.0,
    (800, 1280): 10.1,
    (1080, 1920): 21.5,
}
"""Sizes in px of panels that are sold for such terminals, and their diagonals in inches."""
SIZES: Final = tuple(PANELS)
MODES: Final = ("usual", "access", "dark")
COURT: Final = {"uk": "Приозерський районний суд (вигаданий)", "en": "Pryozersk District Court (invented)"}
LONG: Final = {"uk": "Кам’янець-Подільський міськрайонний суд Хмельницької області"}
"""What some courts are called."""
URL: Final = "https://vidguk.example/c/7"
VOICELESS: Final = "crh"
"""The language that has no voice here, as with espeak-ng."""
CREST: Final = 0.8
"""Width over height of a usual coat of arms."""

NOW: Final = 60_000
"""The moment of every picture, monotonic ms."""
BEFORE: Final = 4_000
"""So long ago (ms) began what is shown."""
LEFT: Final = 6_000
"""In so many ms ends what is shown."""
MONDAY: Final = Opening(weekday=0, days_ahead=3, minute=9 * 60)
FOCUSED: Final = {"welcome": 1, "follow-up": 5, "rotation": 5, "thanks": 3, "not-recorded": 9}
"""Scenes of the accessible mode that are shown with a control in focus, and its place in their ring."""


class StillClock:
    """A clock that stands until it is set, so that every photograph of a screen is the same."""

    def __init__(self, at: int = NOW) -> None:
        self.at = at

    def stamp(self) -> Stamp:
        """Always the same moment."""
        return Stamp(BootId(bytes(16)), Millis(self.at), 0, False)


@dataclass(frozen=True, slots=True)
class Shot:
    """One photograph to take. `diagonal` is the panel's, in inches."""

    scene: str
    language: str
    size: tuple[int, int]
    mode: str
    picture: Picture
    palette: Palette

    @property
    def name(self) -> str:
        """The picture's file name without its ending."""
        return called(self.scene, self.language, self.size, self.mode)

    @property
    def diagonal(self) -> float:
        """Of its panel, in inches."""
        return PANELS[self.size]


def called(scene: str, language: str, size: tuple[int, int], mode: str) -> str:
    """What a photograph is called."""
    return f"{scene}-{language}-{size[0]}x{size[1]}-{mode}"


def items() -> tuple[Item, ...]:
    """The questions of the shipped exit questionnaire: the rating and its reason."""
    return _items("items")


def bank() -> tuple[Item, ...]:
    """Its bank for the rotation."""
    return _items("rotation")


def _items(table: str) -> tuple[Item, ...]:
    document = tomllib.loads((ROOT / "assets" / "questionnaires" / "exit.toml").read_text(encoding="utf-8"))
    made = []
    for item in document[table]:
        scale = document["scales"][item["scale"]]
        options = [Option(option["value"], option["text"], option.get("icon")) for option in scale["options"]]
        made.append(Item(item["key"], scale["kind"], item["scale"], item["text"], options))
    return tuple(made)


def scenes(language: str) -> dict[str, Scene]:
    """Every scene that a visitor can meet outside the accessible mode, by name."""
    rating, reason = items()
    further = max(bank(), key=lambda item: len(item.text[language]))
    welcome = Scene(Phase.WELCOME, language, rating, None, None, None, False, NOW - BEFORE, None)
    follow_up = welcome._replace(phase=Phase.FOLLOW_UP, item=reason, rating=4, can_undo=True, deadline=NOW + 5 * LEFT)
    rotation = follow_up._replace(item=further, rating=2)
    thanks = follow_up._replace(phase=Phase.THANKS, item=None, undo_until=NOW + LEFT // 2, deadline=NOW + LEFT)
    apart = welcome._replace(item=None)
    return {
        "welcome": welcome,
        "welcome-pressed": welcome._replace(pressed=4, busy=Action.ANSWER),
        "welcome-still-there": welcome._replace(deadline=NOW + LEFT, leaving_at=NOW + LEFT),
        "welcome-taken-back": welcome._replace(deadline=NOW + 5 * LEFT, taken_back=True),
        "welcome-long-name": welcome,
        "follow-up": follow_up,
        "follow-up-pressed": follow_up._replace(rating=2, pressed=3, busy=Action.ANSWER),
        "follow-up-still-there": follow_up._replace(deadline=NOW + LEFT, leaving_at=NOW + LEFT),
        "rotation": rotation,
        "rotation-pressed": rotation._replace(pressed=further.options[-1].value, busy=Action.ANSWER),
        "rotation-still-there": rotation._replace(deadline=NOW + LEFT, leaving_at=NOW + LEFT),
        "thanks": thanks,
        "thanks-without-code": thanks._replace(rating=2),
        "thanks-for-good": thanks._replace(rating=5, can_undo=False, undo_until=None),
        "not-recorded": apart._replace(phase=Phase.NOT_RECORDED, deadline=NOW + LEFT),
        "out-of-order": apart._replace(phase=Phase.OUT_OF_ORDER),
        "closed": apart._replace(phase=Phase.CLOSED, opens=MONDAY),
        "closed-for-long": apart._replace(phase=Phase.CLOSED),
        "cleaning": apart._replace(phase=Phase.CLEANING, deadline=NOW + 4 * LEFT - 300),
    }


def aided(scene: Scene, languages: Sequence[str], focused: int | None = None) -> Scene:
    """`scene` in the accessible mode, with the control at place `focused` of the ring in focus."""
    options = [f"answer:{option.value}" for option in scene.item.options] if scene.item else []
    skip = ["skip"] if scene.phase is Phase.FOLLOW_UP else []
    undo = ["undo"] if scene.can_undo else []
    done = ["done"] if scene.phase in (Phase.THANKS, Phase.NOT_RECORDED) else []
    others = [f"language:{language}" for language in languages if language != scene.language]
    ring = (*options, *skip, *undo, *done, "repeat", "louder", *others, "access")
    volume = USUAL if focused is None else LOUDEST
    return scene._replace(aid=Aid(ring, focused, volume), deadline=scene.deadline or NOW + 20 * LEFT)


def aided_scenes(language: str, languages: Sequence[str]) -> dict[str, Scene]:
    """Every scene of the accessible mode, and those with something in focus."""
    usual = {name: scene for name, scene in scenes(language).items() if scene.phase not in (Phase.CLOSED, Phase.CLEANING)}
    focused = {f"{name}-focused": aided(usual[name], languages, place) for name, place in FOCUSED.items()}
    return {name: aided(scene, languages) for name, scene in usual.items()} | focused


def shots(
    theme: Theme,
    measure: Any,
    *,
    sizes: Sequence[tuple[int, int]] = SIZES,
    languages: Sequence[str] = LANGUAGES,
    modes: Sequence[str] = MODES,
    only: str = "",
    report: Callable[[str], None] = print,
) -> Iterator[Shot]:
    """Every screen in every one of `languages`, `sizes` and `modes`, with all languages on offer, if its name contains `only`."""
    texts = Texts(LANGUAGES, report)
    for size in sizes:
        for mode in modes:
            for language in languages:
                found = aided_scenes(language, LANGUAGES) if mode == "access" else scenes(language)
                for name, scene in found.items():
                    if only not in called(name, language, size, mode):
                        continue
                    url = None if name == "thanks-without-code" else URL
                    court = LONG if name.endswith("long-name") else COURT
                    picture, palette = draw(scene, url, size, theme, measure, texts, dark=mode == "dark", court=court)
                    yield Shot(name, language, size, mode, picture, palette)


STAFF_LINES: Final = {
    "uk": "У новому ряду: записано 1204510 · доставлено 1204498 · у резервній копії 1100000 · чекає з 23.11 14:05"
    " · остання прогалина № 1204001–1204250, 23.11 13:50"
    " · до цього ряду ще 1120400, усі в резервній копії",
    "en": "In the new series: recorded 1204510 · delivered 1204498 · in the backup 1100000 · waiting since 23.11 14:05"
    " · last gap No. 1204001–1204250, 23.11 13:50"
    " · before this series 1120400 more, all in the backup",
}
"""What staff read while they clean, as long as it gets, in their languages."""


def draw(
    scene: Scene,
    url: str | None,
    size: tuple[int, int],
    theme: Theme,
    measure: Any,
    texts: Texts,
    *,
    dark: bool = False,
    court: Mapping[str, str] = COURT,
) -> tuple[Picture, Palette]:
    """The picture that the presenter makes of `scene`, and the palette it is painted in."""
    drawn: list[tuple[Picture, Palette]] = []
    clock = StillClock(NOW - BEFORE)
    presenter = Presenter(
        size=size,
        theme=theme,
        palette=theme.dark if dark else theme.light,
        texts=texts,
        measure=measure,
        clock=clock,
        draw=lambda picture, palette: drawn.append((picture, palette)),
        grace_ms=0,
        diagonal=PANELS[size],
        crest=CREST,
    )
    voices = frozenset(LANGUAGES) - {VOICELESS}
    presenter.configure(
        Surroundings(court=court, languages=LANGUAGES, language="uk", number="17", public_url=url, items=items(), voices=voices)
    )
    presenter.tell_staff(STAFF_LINES.get(scene.language, STAFF_LINES["uk"]))
    presenter.show(scene)
    clock.at = NOW
    presenter.renew()
    return drawn[-1]
