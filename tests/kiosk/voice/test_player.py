"""What is heard, from the real aplay: whole, in order, cut off at once, and reported when nobody can hear it."""

from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kiosk.outputs.audio import Player, scaled
from tests.support.ear import SECOND, Ear
from tests.support.waiting import until

UNPLUGGED = "unplugged"


class Office:
    """Whoever is told of alarms."""

    def __init__(self) -> None:
        self.standing: dict[str, str] = {}
        self.told: list[str] = []

    def alarm(self, name: str, sentence: str) -> None:
        self.standing[name] = sentence
        self.told.append(sentence)

    def clear(self, name: str) -> None:
        self.standing.pop(name, None)


@contextmanager
def playing(office: Office, *, device: str = "default", program: str = "aplay", wake_ms: int = 0) -> Iterator[Player]:
    player = Player(device=device, alarm=office.alarm, clear=office.clear, wake_ms=wake_ms, program=program, calm_s=0.0)
    player.start()
    try:
        yield player
    finally:
        player.stop()


def tone(mark: int, seconds: float = 0.2) -> bytes:
    """Samples that are like no other mark's."""
    return array("h", [mark * 100 + place % 89 for place in range(round(seconds * SECOND / 2))]).tobytes()


def clips(*tones: bytes) -> list[Callable[[], bytes | None]]:
    return [lambda samples=samples: samples for samples in tones]  # type: ignore[misc]


def test_sentences_are_heard_whole_and_in_order(ear: Ear) -> None:
    with playing(Office()) as player:
        player.speak(clips(tone(1), tone(2), tone(3)), 1.0)
        until(lambda: ear.hears(tone(3)), "the last sentence is heard")
        assert ear.order({"third": tone(3), "first": tone(1), "second": tone(2)}) == ["first", "second", "third"]
        assert ear.hears(tone(1))
        assert ear.hears(tone(2))


def test_a_lower_volume_is_heard_lower(ear: Ear) -> None:
    with playing(Office()) as player:
        player.speak(clips(tone(9)), 0.25)
        until(lambda: scaled(tone(9), 0.25) in ear.samples(), "it is heard at a quarter")
    assert tone(9) not in ear.samples()
    assert max(array("h", scaled(tone(9), 0.25))) == max(array("h", tone(9))) // 4


def test_a_speaker_that_swallows_the_first_moment_is_woken_by_silence(ear: Ear) -> None:
    with playing(Office(), wake_ms=300) as player:
        until(ear.samples, "the card has been tried")
        until(lambda: ear.quiet_for(0.2), "and is silent again")
        ear.forget()
        player.speak(clips(tone(9)), 1.0)
        until(lambda: ear.hears(tone(9)), "it is heard")
    assert ear.samples().find(tone(9)) == 0.3 * SECOND


def test_what_is_said_next_cuts_off_what_is_being_said(ear: Ear) -> None:
    long = tone(1, 20.0)
    with playing(Office()) as player:
        player.speak(clips(long, tone(2)), 1.0)
        until(lambda: ear.begins(long), "the long sentence has begun")
        player.speak(clips(tone(3)), 1.0)
        until(lambda: ear.hears(tone(3)), "the next one is heard")
        assert len(ear.samples()) < len(long) / 2
        assert not ear.hears(tone(2))


def test_hushed_it_is_silent(ear: Ear) -> None:
    long = tone(1, 20.0)
    with playing(Office()) as player:
        player.speak(clips(long), 1.0)
        until(lambda: ear.begins(long), "it has begun")
        player.hush()
        until(lambda: ear.quiet_for(0.5), "it is silent")
        assert len(ear.samples()) < len(long) / 2


def test_a_sign_goes_first_whichever_was_asked_for_first(ear: Ear) -> None:
    with playing(Office()) as player:
        until(ear.samples, "the card has been tried")
        player.speak(clips(tone(1, 3.0), tone(2)), 1.0)
        player.play(tone(5))
        until(lambda: ear.hears(tone(2)), "all of it is heard")
        assert ear.hears(tone(1, 3.0))
        heard = ear.samples()
        assert heard.find(tone(5)) < heard.find(tone(1, 3.0)) < heard.find(tone(2))


def test_speech_goes_on_with_its_sentence_after_a_sign(ear: Ear) -> None:
    long = tone(2, 3.0)
    with playing(Office()) as player:
        player.speak(clips(tone(1), long, tone(3)), 1.0)
        until(lambda: ear.begins(long), "the second sentence has begun")
        player.play(tone(5))
        until(lambda: ear.hears(tone(3)), "all of it is heard")
        heard = ear.samples()
        assert heard.find(tone(5)) < heard.find(long) < heard.find(tone(3))
        assert heard.count(tone(1)) == 1


def test_signs_are_heard_one_after_the_other(ear: Ear) -> None:
    with playing(Office()) as player:
        player.play(tone(4))
        player.play(tone(5))
        until(lambda: ear.hears(tone(5)), "the second is heard")
        assert ear.hears(tone(4))


def test_a_child_hammering_the_keys_is_not_answered_for_minutes(ear: Ear) -> None:
    with playing(Office()) as player:
        for _ in range(500):
            player.play(tone(4, 0.1))
        until(lambda: ear.hears(tone(4, 0.1)) and ear.quiet_for(0.5), "it has fallen silent")
        assert len(ear.samples()) < 3 * SECOND


def test_a_sentence_that_cannot_be_read_is_left_out(ear: Ear) -> None:
    with playing(Office()) as player:
        player.speak([lambda: None, *clips(tone(2)), lambda: None], 1.0)
        until(lambda: ear.hears(tone(2)), "the other one is heard")
        player.speak(clips(tone(3)), 1.0)
        until(lambda: ear.hears(tone(3)), "and the next")


def test_a_fault_in_reading_a_sentence_is_not_the_end_of_the_voice(ear: Ear) -> None:
    def fault() -> bytes | None:
        raise RuntimeError("nobody thought of this")

    with playing(Office()) as player:
        player.speak([fault], 1.0)
        until(lambda: not player._wanted(), "it is dropped")
        player.speak(clips(tone(3)), 1.0)
        until(lambda: ear.hears(tone(3)), "and the next one is heard")


def test_a_card_that_is_not_there_is_reported_at_the_start_and_once(ear: Ear) -> None:
    office = Office()
    with playing(office, device=UNPLUGGED) as player:
        until(lambda: office.standing, "the fault is reported before anybody has listened")
        player.play(tone(1))
        player.speak(clips(tone(2)), 1.0)
        until(lambda: not player._wanted(), "what was to be heard is dropped")
    assert len(office.told) == 1
    assert UNPLUGGED in office.standing["audio"]


def test_without_aplay_the_kiosk_says_so_and_goes_on(ear: Ear) -> None:
    office = Office()
    with playing(office, program="no-such-aplay") as player:
        until(lambda: office.standing, "the fault is reported")
        player.speak(clips(tone(2)), 1.0)
        until(lambda: not player._wanted(), "what was to be heard is dropped")
    assert "no-such-aplay" in office.standing["audio"]


def test_a_card_that_comes_back_is_used_and_the_alarm_ends(ear: Ear, tmp_path: Path) -> None:
    office = Office()
    configuration = Path(ear.environment["ALSA_CONFIG_PATH"])
    plugged_in = configuration.read_text()
    configuration.write_text("pcm.!default { type hw card 31 }\n")
    with playing(office) as player:
        until(lambda: office.standing, "the fault is reported")
        configuration.write_text(plugged_in)
        player.speak(clips(tone(2)), 1.0)
        until(lambda: ear.hears(tone(2)), "the sentence is heard")
        until(lambda: not office.standing, "the alarm is over")


def test_a_card_that_takes_nothing_is_given_up(tmp_path: Path) -> None:
    deaf = tmp_path / "deaf"
    deaf.write_text("#!/bin/sh\nexec sleep 600\n")
    deaf.chmod(0o755)
    office = Office()
    with playing(office, program=str(deaf)):
        until(lambda: office.standing, "the fault is reported")
    assert "takes no sound" in office.standing["audio"]


def test_stopping_in_the_middle_of_a_sentence_takes_no_time_for_its_end(ear: Ear) -> None:
    long = tone(1, 60.0)
    with playing(Office()) as player:
        player.speak(clips(long), 1.0)
        until(lambda: ear.begins(long), "it has begun")
    until(lambda: ear.quiet_for(0.3), "it is silent")
    assert len(ear.samples()) < len(long) / 4
