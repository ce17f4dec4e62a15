"""Courts keep their own time, devices have names a broker can trust, and a device stood at one exit at a time."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_server.courts.models import Court, Device, Exit, Placement
from sync_server.courts.selectors import Stay, placement_at, placements_between
from sync_server.courts.services import open_court, open_exit, place_device, register_device
from sync_server.courts.validators import validate_device_name, validate_timezone

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KEY = bytes(range(32))


def hours(count: float) -> datetime:
    return MONDAY + timedelta(hours=count)


@pytest.fixture
def court() -> Court:
    return open_court(slug="zrazkove", name_uk="Районний суд", name_en="District Court")


@pytest.fixture
def doors(court: Court) -> list[Exit]:
    return [open_exit(court=court, name_uk=name) for name in ("Головний вихід", "Двір", "Канцелярія")]


@pytest.fixture
def device() -> Device:
    return register_device(name="kiosk-0001", public_key=KEY, enrolled_at=MONDAY)


@pytest.mark.parametrize("name", ["kiosk-01", "a" * 32, "00000000", "--------"])
def test_a_device_may_be_called_so(name: str) -> None:
    validate_device_name(name)


@pytest.mark.parametrize(
    "name", ["", "gateway", "a" * 33, "Kiosk-01", "kiosk_01", "kiosk/01", "kiosk-+1", "#kiosk-01", "kiosk-01\n", "кіоск-01"]
)
def test_a_device_may_not_be_called_so(name: str) -> None:
    with pytest.raises(ValidationError):
        validate_device_name(name)


@pytest.mark.parametrize("zone", ["", "Kyiv", "Europe/Nowhere", "../etc/passwd", "europe/kyiv", "UTC+2"])
def test_a_zone_that_nobody_knows_is_refused_with_an_example(zone: str) -> None:
    with pytest.raises(ValidationError, match="Europe/Kyiv"):
        validate_timezone(zone)


def test_a_courts_day_is_that_of_its_own_clock() -> None:
    late = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)
    assert Court(timezone="Europe/Kyiv").local_date(late) == date(2026, 11, 24)
    assert Court(timezone="Atlantic/Azores").local_date(late) == date(2026, 11, 23)


def test_a_court_is_called_by_the_language_of_the_page() -> None:
    from django.utils import translation

    court, unnamed = Court(name_uk="Суд", name_en="Court"), Court(name_uk="Суд")
    with translation.override("en"):
        assert (court.name, unnamed.name) == ("Court", "Суд")
    with translation.override("uk"):
        assert court.name == "Суд"


@pytest.mark.django_db
@pytest.mark.usefixtures("storage")
class TestStored:
    def test_a_slug_and_an_exits_name_are_given_once(self, court: Court) -> None:
        with pytest.raises(ValidationError):
            open_court(slug="zrazkove", name_uk="Інший суд")
        open_exit(court=court, name_uk="Двір")
        with pytest.raises(ValidationError):
            open_exit(court=court, name_uk="Двір")

    def test_a_court_in_an_unknown_zone_is_not_opened(self) -> None:
        with pytest.raises(ValidationError):
            open_court(slug="x", name_uk="Суд", timezone="Europe/Atlantis")
        assert not Court.objects.exists()

    def test_a_device_needs_a_whole_key_and_a_name_of_its_own(self, device: Device) -> None:
        for name, key in (("kiosk-0002", KEY[:31]), ("kiosk-0002", KEY + b"x"), (device.name, KEY), ("KIOSK-0002", KEY)):
            with pytest.raises(ValidationError):
                register_device(name=name, public_key=key, enrolled_at=MONDAY)
        assert Device.objects.count() == 1

    def test_a_placement_ends_where_the_next_begins(self, device: Device, doors: list[Exit]) -> None:
        place_device(device=device, exit=doors[1], starts_at=hours(5))
        place_device(device=device, exit=doors[0], starts_at=hours(0))
        stays = placements_between(hours(-1), hours(10))
        assert [(stay.exit_id, stay.starts_at, stay.ends_at) for stay in stays] == [
            (doors[0].id, hours(0), hours(5)),
            (doors[1].id, hours(5), None),
        ]
        assert {stay.court_id for stay in stays} == {doors[0].court_id}

    def test_only_stays_that_overlap_are_given(self, device: Device, doors: list[Exit]) -> None:
        for place, door in enumerate(doors):
            place_device(device=device, exit=door, starts_at=hours(place))

        def found(start: float, end: float) -> list[int]:
            return [stay.exit_id for stay in placements_between(hours(start), hours(end))]

        first, second, third = (door.id for door in doors)
        assert found(-2, 0) == [], "the end is not part of what is asked"
        assert found(0, 1) == [first]
        assert found(0.5, 1.5) == [first, second]
        assert found(1, 2) == [second], "a stay's end is not part of it"
        assert found(9, 10) == [third]

    def test_stays_can_be_asked_for_by_device_and_by_court(self, device: Device, doors: list[Exit]) -> None:
        other = register_device(name="kiosk-0002", public_key=KEY[::-1], enrolled_at=MONDAY)
        elsewhere = open_exit(court=open_court(slug="inshyi", name_uk="Інший суд"), name_uk="Вихід")
        place_device(device=device, exit=doors[0], starts_at=hours(0))
        place_device(device=device, exit=elsewhere, starts_at=hours(2))
        place_device(device=other, exit=doors[1], starts_at=hours(0))
        assert {stay.device_id for stay in placements_between(hours(0), hours(9), device_ids=[other.id])} == {other.id}
        assert placements_between(hours(0), hours(9), device_ids=[]) == []
        moved = placements_between(hours(0), hours(9), court_id=doors[0].court_id, device_ids=[device.id])
        assert [(stay.exit_id, stay.ends_at) for stay in moved] == [(doors[0].id, hours(2))], "it left for another court"

    def test_where_a_device_stood_at_an_instant(self, device: Device, doors: list[Exit]) -> None:
        place_device(device=device, exit=doors[0], starts_at=hours(0))
        place_device(device=device, exit=doors[1], starts_at=hours(2))
        assert placement_at(device.id, hours(-1)) is None
        for moment, door in ((0, 0), (1.99, 0), (2, 1), (1000, 1)):
            stay = placement_at(device.id, hours(moment))
            assert stay is not None
            assert stay.exit_id == doors[door].id
            assert stay.covers(hours(moment))

    def test_placing_it_again_at_the_same_instant_mends_the_placement(self, device: Device, doors: list[Exit]) -> None:
        place_device(device=device, exit=doors[0], starts_at=hours(0))
        place_device(device=device, exit=doors[1], starts_at=hours(0))
        assert Placement.objects.get().exit == doors[1]

    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(st.lists(st.integers(0, 40), min_size=1, max_size=8, unique=True), st.integers(-5, 45), st.integers(1, 20))
    def test_at_every_instant_a_device_stands_at_most_at_one_exit(
        self, device: Device, doors: list[Exit], starts: list[int], since: int, length: int
    ) -> None:
        Placement.objects.all().delete()
        for place, start in enumerate(starts):
            place_device(device=device, exit=doors[place % 3], starts_at=hours(start))
        stays = placements_between(hours(since), hours(since + length))
        for half in range(2 * length):
            moment = hours(since + half / 2)
            covering = [stay for stay in stays if stay.covers(moment)]
            assert covering == ([placement_at(device.id, moment)] if moment >= hours(min(starts)) else [])


def test_a_stay_covers_its_beginning_and_not_its_end() -> None:
    stay = Stay(1, 1, 1, hours(0), hours(1))
    assert stay.covers(hours(0))
    assert not stay.covers(hours(1))
    assert not stay.covers(hours(-0.1))
    assert Stay(1, 1, 1, hours(0), None).covers(hours(10_000))
