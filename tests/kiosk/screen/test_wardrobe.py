"""Whose accent and crest are shown, and what is said of those that cannot be."""

from dataclasses import replace
from pathlib import Path

import pytest

from kiosk.screen import theme as themes
from kiosk.screen.settings import ScreenSettings
from kiosk.screen.wardrobe import Wardrobe
from wire.colour import rgb

PLUM, TEAL, PALE = "#6A1B4D", "#0B4F54", "#FFB6C1"
GOOD, BAD = b"good", b"bad"
PLAIN = ScreenSettings(Path("."))


class Hook:
    """What is worn now, what is reported and which alarms stand."""

    def __init__(self, settings: ScreenSettings = PLAIN) -> None:
        self.worn: list[Path | bytes | None] = []
        self.said: list[str] = []
        self.alarms: dict[str, str] = {}
        self.wardrobe = Wardrobe(
            settings,
            themes.default(),
            self._wear,
            report=self.said.append,
            alarm=self.alarms.__setitem__,
            clear=lambda name: self.alarms.pop(name, None) and None,
        )

    def _wear(self, crest: Path | bytes | None) -> str | None:
        self.worn.append(crest)
        return "it is damaged" if crest in (BAD, Path("bad.png")) else None

    def accent(self, accent: str | None, crest: bytes | None = None) -> object:
        theme = self.wardrobe.dressed(accent, crest)
        return theme.light.accent if theme is not None else "as before"


def test_the_court_s_accent_and_crest_are_shown_and_taken_off_again() -> None:
    hook = Hook()
    assert hook.accent(PLUM, GOOD) == rgb(PLUM)
    assert hook.accent(None, None) == themes.default().light.accent
    assert hook.worn == [GOOD, None]
    assert (hook.said, hook.alarms) == ([], {})


def test_what_is_worn_already_is_not_made_anew() -> None:
    hook = Hook()
    hook.accent(PLUM, GOOD)
    assert hook.accent(PLUM, GOOD) == "as before"
    assert hook.accent(TEAL, GOOD) == rgb(TEAL)
    assert hook.worn == [GOOD]


def test_what_the_device_has_of_its_own_wins() -> None:
    hook = Hook(replace(PLAIN, accent=TEAL, crest=Path("own.png")))
    assert hook.accent(PLUM, GOOD) == rgb(TEAL)
    assert hook.accent(PALE, BAD) == rgb(TEAL)
    assert hook.worn == [Path("own.png")]
    assert (hook.said, hook.alarms) == ([], {}), "nobody looks at the court's"


def test_what_the_device_has_of_its_own_and_cannot_use_is_reported_and_the_court_s_is_shown() -> None:
    hook = Hook(replace(PLAIN, accent=PALE, crest=Path("bad.png")))
    assert hook.accent(PLUM, GOOD) == rgb(PLUM)
    assert hook.worn == [Path("bad.png"), GOOD]
    accent, crest = hook.said
    assert accent.startswith("screen.accent: stands out only 1.6:1 against palette.light.paper")
    assert crest.startswith("screen.crest: it is damaged; ")


@pytest.mark.parametrize("mended", [(TEAL, GOOD), (None, None)])
def test_what_the_court_has_set_and_cannot_be_shown_is_an_alarm_until_it_is_mended(mended: tuple[str | None, bytes | None]) -> None:
    hook = Hook()
    assert hook.accent(PALE, BAD) == themes.default().light.accent
    assert "The court's accent cannot be shown: stands out only 1.6:1" in hook.alarms["court-accent"]
    assert hook.alarms["court-crest"] == "The court's crest cannot be shown: it is damaged. Set it anew on the server: set-court."
    hook.accent(*mended)
    assert hook.alarms == {}
