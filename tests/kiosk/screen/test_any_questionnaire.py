"""Whatever a court asks, in however many languages, on whatever panel: a picture comes of it, and its controls lie apart."""

from itertools import combinations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiosk.core.access import Aid
from kiosk.core.surroundings import Surroundings
from kiosk.core.visit import Phase, Scene
from kiosk.screen.board import Glass
from kiosk.screen.picture import Box
from kiosk.screen.screens.compose import compose
from kiosk.screen.staging import Stage
from kiosk.screen.theme import Theme
from kiosk.texts import LANGUAGES, Texts
from tests.kiosk.screen.gallery import GLASSES
from wire.envelopes import Item, Option
from wire.events import Millis

ODD = (Glass((480, 320)), Glass((720, 720), 7.2), Glass((1920, 360), 28.0), Glass((3840, 2160), 55.0, mounting_mm=1_100, crest=2.5))
WORDS = ["суд", "й", "відповідальність", "а", "найдовшеслововсвітіукраїнське"]
UNKNOWN = ("de", "fr", "it", "sk", "yy")
"""Languages without a catalogue."""

words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=60).map(" ".join)


def ruler(text: str, size: int, bold: bool) -> int:
    return len(text) * size // 2


@st.composite
def items(draw: st.DrawFn) -> Item:
    points = draw(st.integers(2, 9))
    faces = points <= 5 and draw(st.booleans())
    icons = [f"face-{point}" if faces else draw(st.sampled_from([None, "access"])) for point in range(1, points + 1)]
    scale = [Option(point, {"uk": draw(words)}, icon) for point, icon in enumerate(icons, 1)]
    beside = [Option(value, {"uk": draw(words)}) for value in draw(st.sampled_from([(), (-1,), (-2, -1)]))]
    return Item("item", "scale", "scale", {"uk": draw(words)}, [*scale, *beside])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    item=items(),
    languages=st.lists(st.sampled_from((*LANGUAGES, *UNKNOWN)), unique=True, max_size=12),
    court=words | st.just(""),
    glass=st.sampled_from((*GLASSES, *ODD)),
    phase=st.sampled_from(Phase),
    aided=st.booleans(),
    leaving=st.booleans(),
)
def test_a_picture_comes_of_it_and_its_controls_lie_apart(
    theme: Theme, item: Item, languages: list[str], court: str, glass: Glass, phase: Phase, aided: bool, leaving: bool
) -> None:
    stage = Stage(Texts(LANGUAGES, lambda sentence: None))
    stage.configure(Surroundings({"uk": court}, tuple(languages), "uk", "17", "https://vidguk.example/c/7"))
    asks = phase in (Phase.WELCOME, Phase.FOLLOW_UP)
    scene = Scene(phase, "uk", item if asks else None, 2, None, None, asks or phase is Phase.THANKS, Millis(0), Millis(90_000))
    scene = scene._replace(aid=Aid(ring=("access",), focus=0) if aided else None, leaving_at=90_000 if leaving else None)
    picture = compose(stage.view(scene, now=80_000, warned_at=80_000), glass, theme, ruler)
    screen = Box(0, 0, *glass.size)
    assert all(mark.box.w > 0 and mark.box.h > 0 for mark in picture.marks)
    parts = [control for control in picture.controls if control.box != screen]
    assert all(screen.holds(control.box) and control.box.w > 0 and control.box.h > 0 for control in parts)
    for one, other in combinations(parts, 2):
        assert not one.box.overlaps(other.box), (one, other)
    if asks:
        assert {f"answer:{option.value}" for option in item.options} <= {control.key for control in parts}
