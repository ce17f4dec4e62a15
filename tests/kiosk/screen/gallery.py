"""Every picture a visitor can meet, composed on every supported panel, for tests that measure them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from kiosk.core.access import Aid
from kiosk.core.hours import Opening
from kiosk.core.surroundings import Surroundings
from kiosk.core.visit import Action, Phase, Scene
from kiosk.screen.board import Glass
from kiosk.screen.picture import Picture
from kiosk.screen.screens.compose import compose
from kiosk.screen.staging import Stage
from kiosk.screen.theme import Theme
from kiosk.texts import Texts
from workbench.gallery import COURT, LANGUAGES, LONG, PANELS, STAFF_LINES, URL, bank, items

GLASSES: Final = tuple(Glass(size, diagonal) for size, diagonal in PANELS.items())
"""The panels that are photographed, too."""
NOW: Final = 60_000


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture, and where it comes from."""

    scene: str
    language: str
    mode: str
    glass: Glass
    picture: Picture
    ring: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.scene}-{self.language}-{self.glass.size[0]}x{self.glass.size[1]}-{self.mode}"


def scenes(language: str) -> dict[str, Scene]:
    """Every scene, by name."""
    asked, rotation = items(), bank()
    blank = Scene(Phase.WELCOME, language, asked[0], None, None, None, False, NOW, None)
    reason = blank._replace(phase=Phase.FOLLOW_UP, item=asked[1], rating=4, can_undo=True, deadline=NOW + 30_000)
    thanks = blank._replace(
        phase=Phase.THANKS, item=None, rating=2, can_undo=True, since=NOW - 2_000, deadline=NOW + 10_000, undo_until=NOW + 3_000
    )
    made = {
        "welcome": blank,
        "welcome-pressed": blank._replace(pressed=4, busy=Action.ANSWER),
        "welcome-leaving": blank._replace(deadline=NOW + 7_000, leaving_at=NOW + 7_000),
        "welcome-taken-back": blank._replace(deadline=NOW + 30_000, taken_back=True),
        "welcome-long-name": blank,
        "reason": reason,
        "reason-pressed": reason._replace(pressed=3, busy=Action.ANSWER),
        "reason-leaving": reason._replace(leaving_at=NOW + 7_000),
        "thanks": thanks,
        "thanks-without-code": thanks,
        "thanks-settled": thanks._replace(can_undo=False, undo_until=None),
        "not-recorded": blank._replace(phase=Phase.NOT_RECORDED, item=None, deadline=NOW + 6_000),
        "out-of-order": blank._replace(phase=Phase.OUT_OF_ORDER, item=None),
        "closed": blank._replace(phase=Phase.CLOSED, item=None, opens=Opening(weekday=2, days_ahead=3, minute=540)),
        "not-recorded-long-name": blank._replace(phase=Phase.NOT_RECORDED, item=None, deadline=NOW + 6_000),
        "thanks-long-name": thanks,
        "closed-long-name": blank._replace(phase=Phase.CLOSED, item=None, opens=None),
        "closed-for-long": blank._replace(phase=Phase.CLOSED, item=None, opens=None),
        "cleaning": blank._replace(phase=Phase.CLEANING, item=None, since=NOW - 7_000, deadline=NOW + 23_000),
    }
    for item in rotation:
        made[f"rotation-{item.key}"] = reason._replace(item=item)
    made["rotation-leaving"] = reason._replace(item=rotation[0], leaving_at=NOW + 7_000)
    return made


def ring(scene: Scene) -> tuple[str, ...]:
    """The controls of `scene` in reading order, as the accessible mode goes through them."""
    answers = [f"answer:{option.value}" for option in scene.item.options] if scene.item is not None else []
    answers.sort(key=lambda key: int(key.partition(":")[2]) < 0)  # beside the scale comes after it
    skip = ["skip"] if scene.phase is Phase.FOLLOW_UP else []
    undo = ["undo"] if scene.can_undo else []
    done = ["done"] if scene.phase in (Phase.THANKS, Phase.NOT_RECORDED) else []
    languages = [f"language:{code}" for code in LANGUAGES if code != scene.language]
    return (*answers, *skip, *undo, *done, "repeat", "louder", *languages, "access")


def shots(theme: Theme, measure: Any, glass: Glass, *, languages: tuple[str, ...] = LANGUAGES, report: Any) -> Iterator[Shot]:
    """Every scene in every language, in the usual look and in the accessible mode."""
    texts = Texts(languages, report)
    stage = Stage(texts)
    for language in languages:
        stage.staff = STAFF_LINES.get(language, STAFF_LINES["uk"])
        for name, scene in scenes(language).items():
            url = None if name == "thanks-without-code" else URL
            voices = frozenset(languages) - {"crh"}
            court = LONG if name.endswith("long-name") else COURT
            stage.configure(Surroundings(court, languages, "uk", "17", url, voices=voices))
            for mode in ("usual", "access"):
                if mode == "access" and scene.phase is Phase.CLEANING:
                    continue
                around = ring(scene)
                shown = scene._replace(aid=Aid(around, focus=len(around) // 3)) if mode == "access" else scene
                view = stage.view(shown, now=NOW, warned_at=NOW - 3_000)
                picture = compose(view, glass, theme, measure)
                yield Shot(name, language, mode, glass, picture, around)
