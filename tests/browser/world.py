"""A server's database with sample courts, in a process of its own that makes it and then obeys its input.

Each line `rate SLUG VALUE…` lets that many visitors answer at that court, through `accept`; the answer is `done`.
"""

import os
import sys
from datetime import UTC, datetime, timedelta

import django

PASSWORD = "vidhuk-z-vykhodu-17"
COURTS = ("zrazkove", "porozhnii", "malyi")
"""One with twelve weeks of answers, one with none, one with a few."""


YEAR_MS = 365 * 86_400_000


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sync_server.project.settings")
    django.setup()
    from django.core.management import call_command

    from sync_server.accounts.services import create_administrator
    from sync_server.surveys.files import QUESTIONNAIRES, load
    from sync_server.surveys.services import release

    call_command("migrate", verbosity=0)
    now = datetime.now(UTC)
    release(load(QUESTIONNAIRES / "exit.toml"), released_at=now)
    create_administrator(username="olena", password=PASSWORD, full_name="Олена Коваленко")
    sources = {slug: _source(slug) for slug in COURTS}
    _rate(sources["zrazkove"], [1 + (place * 7) % 5 for place in range(240)], over_days=25)
    _rate(sources["zrazkove"], [1, 2, 3, 4, 5] * 14, over_days=20, item="reason")
    _rate(sources["malyi"], [5, 4, 1])
    _look_after(sources)
    print("done", flush=True)
    for line in sys.stdin:
        _, slug, *values = line.split()
        _rate(sources[slug], [int(value) for value in values])
        print("done", flush=True)


def _source(slug: str):  # type: ignore[no-untyped-def]
    from sync_server.courts.services import open_court, open_exit
    from tests.sync_server.device import a_source

    court = open_court(slug=slug, name_uk=f"Вигаданий суд {slug}", name_en=f"Invented court {slug}", is_sample=slug == "zrazkove")
    return a_source(f"kiosk-{slug}", exit=open_exit(court=court, name_uk="Головний вихід", name_en="Main exit"))


def _look_after(sources) -> None:  # type: ignore[no-untyped-def]
    """What staff find: a device in order; one that is away, with rows still on it; a copied card; things set aside."""
    from sync_server.fleet.services import record_health, record_presence
    from sync_server.ingest.services import Received, accept, hear, put_aside
    from sync_server.results import tallies
    from tests.sync_server.device import BOOTED
    from wire import codec
    from wire.envelopes import Clock, Gap, Health

    now = datetime.now(UTC)

    def report(source, at: datetime, **more) -> None:  # type: ignore[no-untyped-def]
        wall = int(at.timestamp() * 1000)
        clock = Clock(source.boot, wall - BOOTED + YEAR_MS, wall, True)
        told = {"recorded": len(source.rows), "stored_through": len(source.rows), "stream": source.stream} | more
        health = Health(1, clock, 3600, free_bytes=10**9, software="vidhuk 0.1.0", config=1, **told)
        hear(source.name, health, wall)
        record_health(source.name, health, now=lambda: at)

    report(sources["zrazkove"], now)
    away = now - timedelta(hours=5)
    waits = int(away.timestamp() * 1000) - 600_000
    report(
        sources["malyi"], away, recorded=1_204, waiting_since=waits, gap=Gap(2, 3, waits), way="https", notes=["card nearly full"]
    )
    record_presence("kiosk-malyi", present=False, now=lambda: away)
    copied = _source("kopiia")
    _rate(copied, [5, 4])
    twin = copied.clone()
    _rate(copied, [3])
    twin.add(*_own_rows(twin, 2))
    accept([twin.message(3, len(twin.rows), received=now)])
    put_aside(sources["malyi"].message(1, 1, received=now), "internal", "the server failed at this message; its log says how")
    accept([Received("kiosk-malyi", codec.PLAIN, bytes(300), int(now.timestamp() * 1000))] * 3)
    accept([Received("kiosk-stranger", codec.PLAIN, b"\x00", int(now.timestamp() * 1000))])
    while tallies.step():
        pass


def _own_rows(twin, count: int):  # type: ignore[no-untyped-def]
    from wire.events import Answer

    return [_moved(twin.event(Answer, datetime.now(UTC) - timedelta(seconds=1 + place), 1)) for place in range(count)]


def _rate(source, values: list[int], *, over_days: int = 0, item: str = "overall") -> None:  # type: ignore[no-untyped-def]
    """The answers, spread evenly over so many days that end now; none lies before the device was started."""
    from sync_server.ingest.services import accept
    from sync_server.results import tallies
    from wire.events import Answer

    now = datetime.now(UTC)
    first = len(source.rows)
    for place, value in enumerate(values):
        moment = now - timedelta(days=over_days * (len(values) - place) / len(values), milliseconds=len(values) - place)
        source.add(_moved(source.event(Answer, moment, value, item=item)))
    for start in range(first, len(source.rows), 250):
        accept([source.message(start + 1, min(start + 250, len(source.rows)), received=now)])
    while tallies.step():
        pass


def _moved(row):  # type: ignore[no-untyped-def]
    """The same row of a device that was started a year earlier, so that its monotonic clock reads no less than nothing."""
    import msgspec

    return msgspec.structs.replace(row, visit=row.visit + YEAR_MS, wall_offset=row.wall_offset - YEAR_MS)


if __name__ == "__main__":
    main()
