"""Turns scenes into views: chooses every text in the visitor's language. It decides nothing about a visit, nor about the look."""

from collections.abc import Callable, Mapping
from typing import Final

from kiosk import opening
from kiosk.core.access import LOUDEST, Aid
from kiosk.core.surroundings import Surroundings
from kiosk.core.visit import Action, Phase, Scene
from kiosk.screen import views
from kiosk.texts import Texts, pick
from wire.envelopes import Item

FACE: Final = "face-"
QUIET_ZONE: Final = 4
"""Modules of white around a QR code, as ISO/IEC 18004 demands."""


class Stage:
    """Makes views for one place, in the words of `texts`."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._around = Surroundings(court={}, languages=(), language="en")
        self._code: tuple[str, views.Modules] | None = None
        self.staff = ""
        """What staff are told on the screen that they alone call up, in their language."""

    def configure(self, around: Surroundings) -> None:
        """The court, its languages and its number."""
        self._around = around

    def view(self, scene: Scene, *, now: int, warned_at: int) -> views.View:
        """What `scene` looks like at `now`; its visitor was first asked "Still there?" at `warned_at` (both monotonic ms)."""
        say = self._sayer(scene.language)
        frame = self._frame(scene, warned_at)
        saved = say("Thank you! Your answer is saved.")
        undo = say("Not what you meant? Change it") if scene.can_undo else None
        if scene.item is not None and scene.phase is Phase.WELCOME:
            question, choices = self._pick(scene.item.text, scene), self._choices(scene.item, scene)
            privacy, taken_back = say("Anonymous: no camera, no names"), say("Your answer is taken back.")
            return views.Welcome(frame, question, choices, privacy, taken_back, scene.taken_back)
        if scene.item is not None and scene.phase is Phase.FOLLOW_UP:
            question, choices = self._pick(scene.item.text, scene), self._choices(scene.item, scene)
            return views.FollowUp(frame, saved, _point(scene.rating), question, choices, say("Skip"), undo)
        match scene.phase:
            case Phase.THANKS:
                until = scene.undo_until if scene.undo_until is not None else scene.deadline
                return views.Thanks(
                    frame,
                    saved,
                    _point(scene.rating),
                    say("It joins the survey results and shows what to improve."),
                    undo,
                    scene.since,
                    until if until is not None else scene.since + 1,
                    say("Finish"),
                    self._modules(),
                    say("To say more or complain, scan the code with your phone"),
                )
            case Phase.NOT_RECORDED:
                return views.NotRecorded(frame, say("Your answer could not be saved. Please try again."), say("Try again"))
            case Phase.CLOSED:
                still = say("You can still rate your visit: touch the screen.")
                opens = None if scene.opens is None else opening.shown(scene.opens, self._texts, scene.language)
                return views.Closed(frame, say("The court is closed"), opens, still)
            case Phase.CLEANING:
                return self._cleaning(frame, scene, now)
        number = self._around.number
        shown = self._texts.say(scene.language, "No. {number}", number=number) if number else None
        return views.OutOfOrder(frame, say("Out of order."), shown)

    def _frame(self, scene: Scene, warned_at: int) -> views.Frame:
        say = self._sayer(scene.language)
        others = [code for code in self._around.languages if code != scene.language]
        leaving = None
        if scene.leaving_at is not None:
            leaving = views.Leaving(warned_at, scene.leaving_at)
        return views.Frame(
            court=self._pick(self._around.court, scene),
            languages=tuple(views.Language(code, self._texts.name(code), self._texts.sign(code)) for code in others),
            access=say("Easier to use") if scene.aid is None else say("Usual view"),
            language=scene.language,
            pressed=_pressed(scene),
            aid=self._access(scene),
            still_there=say("Still there? Touch the screen."),
            leaving=leaving,
        )

    def _access(self, scene: Scene) -> views.Access:
        say = self._sayer(scene.language)
        voiceless = None if scene.language in self._around.voices else say("No speech in this language.")
        aid = scene.aid or Aid(ring=())
        return views.Access(scene.aid is not None, say("Repeat"), say("Louder"), aid.volume, LOUDEST, aid.focused, voiceless)

    def _cleaning(self, frame: views.Frame, scene: Scene, now: int) -> views.Cleaning:
        until = scene.deadline if scene.deadline is not None else now
        seconds = max(0, -(-(until - now) // 1000))
        sentence = self._texts.say(scene.language, "Cleaning the screen: {n} s left", n=seconds)
        return views.Cleaning(frame, sentence, scene.since, until, until - 1000 * max(0, seconds - 1), self.staff)

    def _choices(self, item: Item, scene: Scene) -> tuple[views.Choice, ...]:
        return tuple(
            views.Choice(
                f"answer:{option.value}", self._pick(option.text, scene), option.icon, _face(option.icon), aside=option.value < 0
            )
            for option in item.options
        )

    def _sayer(self, language: str) -> Callable[[str], str]:
        return lambda message: self._texts.say(language, message)

    def _pick(self, texts: Mapping[str, str], scene: Scene) -> str:
        return pick(texts, scene.language, self._around.language)

    def _modules(self) -> views.Modules | None:
        url = self._around.public_url
        if not url:
            return None
        if self._code is None or self._code[0] != url:
            import segno  # brings in much of the standard library, which a kiosk at rest can do without

            rows = segno.make(url, error="m", micro=False).matrix_iter(border=QUIET_ZONE)
            self._code = url, tuple(tuple(bool(module) for module in row) for row in rows)
        return self._code[1]


def _pressed(scene: Scene) -> str | None:
    """The control whose commit is under way."""
    if scene.busy is Action.UNDO:
        return "undo"
    return f"answer:{scene.pressed}" if scene.busy is Action.ANSWER else None


def _face(icon: str | None) -> int | None:
    """The point of the scale that an icon's name stands for, if it is a face."""
    if icon is None or not icon.startswith(FACE):
        return None
    return _point(int(icon.removeprefix(FACE))) if icon.removeprefix(FACE).isdecimal() else None


def _point(rating: int | None) -> int | None:
    return rating if rating is not None and 1 <= rating <= 5 else None
