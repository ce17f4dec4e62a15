"""Two ways to the server: when the device changes over and comes back, and links that have died in silence."""

from pathlib import Path

from kiosk.core.delivery import ACK_PATIENCE
from kiosk.core.ports import Delivered, LinkDown, LinkUp, Message
from kiosk.core.ways import HOLD_LEAST, PATIENCE, Way
from kiosk.workers.health import EVERY_S
from kiosk.workers.line import ANSWER_PATIENCE, DOWN_PATIENCE, FromLink
from kiosk.workers.sync import Rows
from tests.kiosk.desk import Desk, blocked, health_of
from wire.codec import encode
from wire.envelopes import Batch, Hello


def test_a_link_whose_acknowledgements_do_not_come_is_built_afresh(desk: Desk) -> None:
    desk.no_door = True
    desk.rate(1)
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    while desk.link.openings == 1:
        assert desk.clock.now < 1_000 + 4 * ACK_PATIENCE
        desk.clock.now += round(desk.taken() * 1000)
        desk.sync.step()
    desk.link.upward()
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.clock.now += 10_000
    desk.sync.step()
    assert [type(envelope) for envelope in desk.link.upward()] == [Hello, Batch]


def test_a_link_that_is_down_and_has_fallen_silent_is_built_afresh(desk: Desk) -> None:
    desk.no_door = True
    desk.sync.step(FromLink(Way.MQTT, LinkDown("nobody answers")))
    desk.clock.now += DOWN_PATIENCE - 1
    desk.sync.step()
    assert desk.link.openings == 1
    desk.clock.now += 1
    desk.sync.step()
    assert desk.link.openings == 2


def test_without_a_broker_rows_and_reports_go_by_https_within_a_minute(desk: Desk, tmp_path: Path) -> None:
    desk.rate(2)
    assert desk.sync.step(FromLink(Way.MQTT, LinkDown("nobody answers"))) == PATIENCE / 1000
    assert desk.https == []
    blocked(desk)
    (https,) = desk.https
    assert [type(envelope) for envelope in https.upward()] == [Hello, Batch]
    assert desk.link.sent == []
    desk.sync.step(FromLink(Way.HTTPS, Message("down", *encode(desk.ack(2)))))
    assert desk.ledger.standing().progress.stored_through == 2
    report = health_of(desk, tmp_path).step()
    desk.sync.turn()
    assert report.way == "https"
    assert https.sent[-1][0] == "health"
    assert desk.sync.outlook.up


def test_three_time_outs_in_a_row_are_enough(desk: Desk) -> None:
    desk.rate(1)
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    while not desk.https:
        assert desk.clock.now < 1_000 + 4 * ACK_PATIENCE
        desk.clock.now += round(desk.taken() * 1000)
        desk.sync.step()
    assert desk.link.openings == 2, "and the link that was silent is built afresh"


def test_it_comes_back_to_mqtt_when_a_greeting_is_answered_there(desk: Desk) -> None:
    desk.rate(1)
    blocked(desk)
    (https,) = desk.https
    for _ in range(2):  # the first word is answered by a greeting that echoes it
        desk.sync.step(FromLink(Way.HTTPS, Message("down", *encode(desk.ack(1)))))
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.taken()
    assert desk.link.sent == [], "HTTPS serves: MQTT is left alone for a while"
    desk.clock.now += HOLD_LEAST
    desk.sync.step()
    (probe,) = desk.link.upward()
    assert isinstance(probe, Hello)
    https.sent.clear()
    desk.rate(1)
    desk.sync.step(Rows())
    assert [type(envelope) for envelope in https.upward()] == [Batch], "until then HTTPS carries the rows"
    desk.down("down", desk.ack(1))
    assert desk.sync.outlook.way is Way.MQTT
    assert https.closings == 1
    assert [type(envelope) for envelope in desk.link.upward()] == [Hello, Batch]


def test_what_https_still_answers_after_the_return_counts(desk: Desk) -> None:
    desk.rate(1)
    blocked(desk)
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.down("down", desk.ack(0))
    assert desk.sync.outlook.way is Way.MQTT
    desk.sync.step(FromLink(Way.HTTPS, Message("down", *encode(desk.ack(1)))))
    desk.sync.step(FromLink(Way.HTTPS, Delivered(2, 0x80)))
    assert desk.ledger.standing().progress.stored_through == 1


def test_without_a_door_it_goes_on_trying_by_mqtt_and_asks_for_one_again(desk: Desk) -> None:
    desk.no_door = True
    desk.rate(1)
    blocked(desk)
    assert desk.sync.outlook.way is Way.MQTT
    desk.no_door = False  # a configuration has come that names one
    desk.clock.now += PATIENCE
    desk.sync.step()
    assert desk.sync.outlook.way is Way.HTTPS


def test_a_link_that_answers_nothing_is_built_afresh_within_ninety_seconds_however_little_there_is_to_say(
    desk: Desk, tmp_path: Path
) -> None:
    health = health_of(desk, tmp_path)
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.down("down", desk.ack(0))
    desk.down("down", desk.ack(0))
    desk.taken()
    died = desk.clock.now
    desk.clock.now += round(EVERY_S * 1000)
    health.step()
    pause = desk.sync.turn()
    assert pause == ANSWER_PATIENCE / 1000
    desk.clock.now += ANSWER_PATIENCE
    desk.sync.step()
    assert desk.link.openings == 2
    assert desk.clock.now - died <= 90_000


def test_a_slow_link_that_answers_at_all_is_left_alone(desk: Desk) -> None:
    desk.rate(1)
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.clock.now += ANSWER_PATIENCE - 1
    desk.sync.step(FromLink(Way.MQTT, Delivered(1, 0)))
    desk.clock.now += ANSWER_PATIENCE - 1
    desk.sync.step(FromLink(Way.MQTT, Delivered(2, 0)))
    desk.clock.now += 10
    desk.sync.step()
    assert desk.link.openings == 1
