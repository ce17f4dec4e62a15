"""What is said of a scene: pure, from the scene and the texts to sentences. Every sentence is a whole text, as clips are.

Written for somebody who sees nothing, holds a headset and has two to five keys under the fingers:

- What has happened comes first ("your answer is saved"), then what is asked, then what can be answered, then the rest. Whoever
  knows the way presses a key at once and loses nothing; whoever doesn't hears everything that is on the screen.
- What was chosen is named only into a headset ("you chose: good"): a hall that listens need not know what anybody thinks.
- How the keys work is said after the first question and not before it, again when all is repeated, and in each new language.
- A step to another control says its words and nothing more, so that a row of answers is walked through as fast as keys go.
- A language's name is spoken by its own voice, so that those find it who know no other.
- What is shown in a language that has no voice is spoken in the court's own, and that is said first.
"""

from collections.abc import Callable, Mapping
from typing import Final

from kiosk import opening
from kiosk.core.access import KEYPADS, Aid, Keystroke
from kiosk.core.ports import Spoken
from kiosk.core.surroundings import Surroundings
from kiosk.core.visit import Action, Phase, Scene
from kiosk.texts import OWN_NAME, Texts
from wire.envelopes import Item

Sentences = tuple[Spoken, ...]

KEYPAD_WORDS: Final = {
    KEYPADS[2]: "Left button: next. Right button: choose.",
    KEYPADS[3]: "Buttons from the left: back, next, choose.",
    KEYPADS[4]: "Buttons from the left: back, next, choose, repeat.",
    KEYPADS[5]: "Buttons from the left: back, next, choose, repeat, louder.",
}
LANGUAGE_WORDS: Final = {
    "uk": "Language: Ukrainian",
    "en": "Language: English",
    "pl": "Language: Polish",
    "ro": "Language: Romanian",
    "hu": "Language: Hungarian",
    "bg": "Language: Bulgarian",
    "crh": "Language: Crimean Tatar",
}
"""Languages by the name that others give them: for those that have no voice to say their own."""
CONTROL_WORDS: Final = {"skip": "Skip", "undo": "Not what you meant? Change it", "repeat": "Repeat", "louder": "Louder"}


class Script:
    """The words for scenes before visitors who stand in `around`.

    `keypad` is what the face buttons mean from left to right, empty where they mean nothing but their faces; `keys` says whether
    there are other keys for the accessible mode, `private` whether nobody but the visitor hears what is said.
    """

    def __init__(
        self,
        texts: Texts,
        around: Surroundings,
        *,
        keypad: tuple[Keystroke, ...] = (),
        keys: bool = False,
        private: bool = False,
    ) -> None:
        self._texts = texts
        self._around = around
        self._private = private
        self._how = KEYPAD_WORDS.get(keypad) or (
            "Keys: back and next to move, choose to answer." if keys else "Touch your answer on the screen."
        )

    # --- whole utterances ----------------------------------------------------------------------------------------------------

    def greeting(self, scene: Scene) -> Sentences:
        """The accessible mode has begun: that it has, whose device this is, and everything on the screen."""
        say = self._sayer(scene)
        court = self._pick(self._around.court, scene)
        return (*say("Speech is on."), *court, *self.page(scene, how=True))

    def arrival(self, scene: Scene, before: Scene) -> Sentences:
        """Another screen has come: what became of the last key press, then the screen. A skip has saved nothing."""
        if scene.language != before.language:
            return self.page(scene, how=True)
        standing = self._standing(scene) if before.busy is not None else ()
        return (*standing, *self._chosen(scene, before), *self._strange_tongue(scene), *self._words(scene))

    def again(self, scene: Scene, aid: Aid) -> Sentences:
        """Everything once more, and where the visitor is."""
        return (*self.page(scene, how=True), *(self.control(scene, aid.focused) if aid.focused else ()))

    def still_there(self, scene: Scene) -> Sentences:
        """The screen is about to go."""
        return self._sayer(scene)("Still there? Press any key or touch the screen.")

    def stayed(self, scene: Scene, aid: Aid) -> Sentences:
        """Somebody is: time begins anew, and they hear where they were."""
        where = self.control(scene, aid.focused) if aid.focused else self._question(scene)
        return (*self._sayer(scene)("You have more time."), *where)

    def volume(self, scene: Scene, aid: Aid) -> Sentences:
        """How loud it is now, said as loud; and what is asked, for whoever could not hear it and has taken no step yet."""
        asked = () if aid.focused else self._question(scene)
        return (*self._sayer(scene)("Volume:"), *self._digits(scene, str(aid.volume)), *asked)

    def farewell(self, scene: Scene, before: Scene) -> Sentences:
        """The accessible mode has ended, by its control or because the visit is over; said in the language of `before`."""
        last = scene._replace(language=before.language)
        say = self._sayer(last)
        if page_of(last) == page_of(before):
            why: Sentences = ()
        elif scene.phase in (Phase.NOT_RECORDED, Phase.OUT_OF_ORDER):
            why = self.page(last, how=False)
        else:
            why = say("This visit has ended.")
        return (*why, *say("Speech is off."))

    # --- their parts ---------------------------------------------------------------------------------------------------------

    def page(self, scene: Scene, *, how: bool) -> Sentences:
        """Everything on the screen; `how` adds how the keys work."""
        keys = self._sayer(scene)(self._how) if how else ()
        return (*self._strange_tongue(scene), *self._standing(scene), *self._words(scene, keys))

    def control(self, scene: Scene, key: str) -> Sentences:
        """The words of one control."""
        say = self._sayer(scene)
        name, _, value = key.partition(":")
        match name:
            case "answer":
                return self._answer(scene, scene.item, int(value))
            case "language":
                return self._language(scene, value)
            case "done":
                return say("Try again" if scene.phase is Phase.NOT_RECORDED else "Finish")
            case "access":
                return (*say("Usual view"), *say("This turns speech off."))
            case _:
                return say(CONTROL_WORDS[name]) if name in CONTROL_WORDS else ()

    def _words(self, scene: Scene, keys: Sentences = ()) -> Sentences:
        say = self._sayer(scene)
        match scene.phase:
            case Phase.WELCOME:
                return (*self._question(scene), *keys, *self._answers(scene), *say("Anonymous: no camera, no names"))
            case Phase.FOLLOW_UP:
                return (*self._question(scene), *keys, *self._answers(scene), *say("Skip"), *self._undo(scene))
            case Phase.THANKS:
                what_happens = say("It joins the survey results and shows what to improve.")
                return (*what_happens, *self._undo(scene), *self.control(scene, "done"), *self._code(scene), *keys)
            case Phase.NOT_RECORDED:
                return (*say("Your answer could not be saved. Please try again."), *self.control(scene, "done"), *keys)
            case Phase.OUT_OF_ORDER:
                return (*say("Out of order."), *self._number(scene), *keys)
            case Phase.CLOSED:
                return (*say("The court is closed"), *self._opens(scene))
            case Phase.CLEANING:
                return say("The screen is being cleaned. Please wait.")

    def _standing(self, scene: Scene) -> Sentences:
        """What the screen says of the answers given so far."""
        say = self._sayer(scene)
        if scene.phase in (Phase.FOLLOW_UP, Phase.THANKS):
            return say("Thank you! Your answer is saved.")
        return say("Your answer is taken back.") if scene.taken_back else ()

    def _chosen(self, scene: Scene, before: Scene) -> Sentences:
        """The answer that led here, for the ears of whoever gave it."""
        saved = before.busy is Action.ANSWER and scene.phase in (Phase.FOLLOW_UP, Phase.THANKS)
        if not self._private or not saved or before.pressed is None:
            return ()
        return (*self._sayer(scene)("You chose:"), *self._answer(scene, before.item, before.pressed))

    def _undo(self, scene: Scene) -> Sentences:
        return self.control(scene, "undo") if scene.can_undo else ()

    def _question(self, scene: Scene) -> Sentences:
        return self._pick(scene.item.text, scene) if scene.item else ()

    def _answers(self, scene: Scene) -> Sentences:
        options = scene.item.options if scene.item else ()
        return tuple(sentence for option in options for sentence in self._answer(scene, scene.item, option.value))

    def _answer(self, scene: Scene, item: Item | None, value: int) -> Sentences:
        options = item.options if item else ()
        return next((self._pick(option.text, scene) for option in options if option.value == value), ())

    def _language(self, scene: Scene, language: str) -> Sentences:
        if language in self._around.voices:
            return (Spoken(language, self._texts.say(language, OWN_NAME)),)
        say = self._sayer(scene)
        name = say(LANGUAGE_WORDS[language]) if language in LANGUAGE_WORDS else ()
        return (*name, *say("No speech in this language."))

    def _code(self, scene: Scene) -> Sentences:
        say = self._sayer(scene)
        return say("To say more or complain, scan the code with your phone") if self._around.public_url else ()

    def _opens(self, scene: Scene) -> Sentences:
        tongue = self._tongue(scene)
        words = opening.spoken(scene.opens, self._texts, tongue) if scene.opens else ()
        return tuple(Spoken(tongue, sentence) for sentence in words)

    def _number(self, scene: Scene) -> Sentences:
        digits = self._digits(scene, self._around.number or "")
        return (*self._sayer(scene)("The number of this device:"), *digits) if digits else ()

    def _digits(self, scene: Scene, text: str) -> Sentences:
        """Digit by digit; whatever is none has no clip."""
        return tuple(Spoken(self._tongue(scene), digit) for digit in text if digit in "0123456789")

    # --- languages -----------------------------------------------------------------------------------------------------------

    def _tongue(self, scene: Scene) -> str:
        """The language that `scene` is spoken in: its own, else the court's, else whichever has a voice."""
        around = self._around
        wishes = (scene.language, around.language, *around.languages)
        return next((language for language in wishes if language in around.voices), scene.language)

    def _strange_tongue(self, scene: Scene) -> Sentences:
        spoken = self._tongue(scene)
        return () if spoken == scene.language else self._sayer(scene)("This language has no speech here. You hear another one.")

    def _sayer(self, scene: Scene) -> Callable[[str], Sentences]:
        tongue = self._tongue(scene)
        return lambda message: (Spoken(tongue, self._texts.say(tongue, message)),)

    def _pick(self, texts: Mapping[str, str], scene: Scene) -> Sentences:
        """A text of the court's own, in the language it is spoken in; else in another that has a voice; else nothing."""
        around = self._around
        wishes = (self._tongue(scene), around.language, *texts)
        return next(
            ((Spoken(language, texts[language]),) for language in wishes if texts.get(language) and language in around.voices), ()
        )


def page_of(scene: Scene) -> tuple[Phase, str | None, str]:
    """What makes a screen another one."""
    return scene.phase, scene.item.key if scene.item else None, scene.language
