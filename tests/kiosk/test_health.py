"""What a report says of the device."""

from pathlib import Path

from msgspec import structs

from kiosk.core.ports import LinkUp
from kiosk.core.ways import Way
from kiosk.workers.line import FromLink
from tests.kiosk.desk import Desk, health_of
from tests.kiosk.test_ledger_thread import Outcomes, rating
from wire.codec import decode_health
from wire.envelopes import Echo, Health
from wire.events import at


def test_health_says_what_is_recorded_delivered_backed_up_and_waiting(desk: Desk, tmp_path: Path) -> None:
    desk.rate(6)
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.clock.now += 10
    desk.down("down", desk.ack(4, backed=3, server_wall=77_000))
    kept: list[Health] = []
    health = health_of(desk, tmp_path, kept.append)
    desk.taken()
    desk.clock.now += 9_990
    report = health.step()
    desk.sync.turn()
    leaf, kind, payload = desk.link.sent[-1]
    assert leaf == "health"
    assert decode_health(kind, payload) == report
    assert (report.recorded, report.stored_through, report.backed_through, report.moving) == (6, 4, 3, 0)
    assert (report.config, report.uptime_s, report.way, report.gap) == (1, 9, "mqtt", None)
    assert (report.stream, report.moved_through) == (desk.ledger.standing().stream, 0)
    assert report.waiting_since == at(rating(4)), "the fifth row is the oldest that the server has not"
    assert report.echo == Echo(77_000, 1_010)
    assert report.notes[0] == "the crest is missing"
    assert kept == [report]
    desk.down("down", desk.ack(6))
    assert health.report().waiting_since is None


def test_since_when_an_entry_waits_is_told_only_where_a_clock_knew(desk: Desk, tmp_path: Path) -> None:
    """A device without time would say that it waits since 1970."""
    guess = structs.replace(rating(0), synchronised=False, wall_offset=0)
    desk.ledger.append([guess], Outcomes().of(0))
    health = health_of(desk, tmp_path, lambda report: None)
    desk.clock.synchronised = False
    report = health.report()
    assert (report.recorded, report.waiting_since) == (1, None)
    desk.clock.synchronised = True
    assert health.report().waiting_since == at(guess) + desk.clock.stamp().wall_offset, "the clock of this start has been set since"
