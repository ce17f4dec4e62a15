"""Speaks for the visitor who uses the accessible mode: a screen among the others, which is shown scenes and says what is new."""

from kiosk.core.access import Aid, Keystroke
from kiosk.core.ports import Speech
from kiosk.core.surroundings import Surroundings
from kiosk.core.visit import Scene
from kiosk.texts import Texts
from kiosk.voice.script import Script, Sentences, page_of


class Narrator:
    """As `kiosk.core.ports.Screen`. Silent outside the accessible mode.

    Whatever the visitor does cuts off what is being said, and each change is answered by the shortest words that tell it:

    - the mode begins: that speech is on, whose device this is, and the whole screen;
    - another screen: what became of the last choice, then the whole screen;
    - "still there?" appears: the question, once; it is answered: that there is more time, and where one was;
    - a wish to hear it again: the whole screen, how the keys work, and where one is;
    - louder: the new volume, in the new volume, and the question again before the first step;
    - a step: the words of that control;
    - a choice whose commit is under way: silence, because the next screen tells what became of it;
    - the mode ends, by its control, by time or with the visit: that it has, so that nobody waits for a voice that has gone.
    """

    def __init__(
        self, speech: Speech, texts: Texts, *, keypad: tuple[Keystroke, ...] = (), keys: bool = False, private: bool = False
    ) -> None:
        """`keypad` is what the face buttons mean from left to right in the accessible mode, `keys` whether it has keys besides,
        `private` whether nobody else listens."""
        self._speech = speech
        self._texts = texts
        self._keypad = keypad
        self._keys = keys
        self._private = private
        self._before: Scene | None = None
        self.configure(Surroundings(court={}, languages=(), language="en"))

    def configure(self, around: Surroundings) -> None:
        """The court, its languages, and which of them have a voice. What is being said is said to its end."""
        self._script = Script(self._texts, around, keypad=self._keypad, keys=self._keys, private=self._private)

    def show(self, scene: Scene) -> None:
        """Says what is new in `scene`."""
        before, self._before = self._before, scene
        if scene.aid is not None:
            self._tell(scene, scene.aid, before)
        elif before is not None and before.aid is not None:
            self._leave(scene, before, before.aid)
        elif before is not None and page_of(scene) != page_of(before):
            self._speech.hush()  # the farewell to one visitor is not said into the visit of the next

    def _leave(self, scene: Scene, before: Scene, aid: Aid) -> None:
        if scene.busy is not None:
            self._speech.hush()  # the next person has pressed a button already
        else:
            self._speech.say(self._script.farewell(scene, before), aid.volume)

    def _tell(self, scene: Scene, aid: Aid, before: Scene | None) -> None:
        if before is None or before.aid is None:
            self._speech.say(self._script.greeting(scene), aid.volume)
        elif scene.busy is not None:
            if before.busy is None:
                self._speech.hush()
        elif (news := self._news(scene, aid, before, before.aid)) is not None:
            self._speech.say(news, aid.volume)

    def _news(self, scene: Scene, aid: Aid, before: Scene, aid_before: Aid) -> Sentences | None:
        """What is to be said of `scene` after `before`, None for nothing: the first difference that matters decides."""
        script = self._script
        if page_of(scene) != page_of(before):
            return script.arrival(scene, before)
        if scene.leaving_at is not None and before.leaving_at is None:
            return script.still_there(scene)
        if aid.reads != aid_before.reads:
            return script.again(scene, aid)
        if aid.volume != aid_before.volume:
            return script.volume(scene, aid)
        if aid.focused is not None and aid.focused != aid_before.focused:
            return script.control(scene, aid.focused)
        if scene.leaving_at is None and before.leaving_at is not None:
            return script.stayed(scene, aid)
        return None
