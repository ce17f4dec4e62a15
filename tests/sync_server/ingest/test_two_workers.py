"""Two workers on one PostgreSQL never wait for each other in a ring."""

import threading
from collections.abc import Iterator
from os import urandom
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from sync_server.courts.models import Device
from sync_server.ingest.clocks import Clocks
from sync_server.ingest.models import Boot, Installation, SetAside
from sync_server.ingest.services import Received, accept
from tests.support.postgresql import PostgreSQL
from tests.support.waiting import PATIENCE_S, until
from tests.sync_server.device import NOON

pytestmark = pytest.mark.parametrize("storage", ["postgresql"], indirect=True)

FIRST, SECOND = urandom(16), urandom(16)


@pytest.fixture
def device(storage: str, django_db_blocker: Any) -> Iterator[Device]:
    """One that every session sees: it is committed, and taken away afterwards."""
    with django_db_blocker.unblock():
        made = Device.objects.create(name="kiosk-ring-1", public_key=urandom(32), enrolled_at=NOON)
        yield made
        Boot.objects.filter(device=made).delete()
        made.delete()


def learn(device: Device, *names: bytes) -> dict[bytes, int]:
    """What a worker does that meets starts in this order: their numbers."""
    with transaction.atomic(durable=True):
        clocks = Clocks(0)
        clocks.learn((device.pk, name) for name in names)
        return clocks.numbers(device.pk)


def test_two_that_meet_new_starts_of_a_device_in_opposite_orders_both_go_through(device: Device, postgresql: PostgreSQL) -> None:
    told: list[object] = []

    def work() -> None:
        try:
            told.append(learn(device, SECOND, FIRST))
        except Exception as fault:  # whatever it is, the ring has been found
            told.append(fault)
        finally:
            connection.close()

    other = threading.Thread(target=work)

    with psycopg.connect(postgresql.url, autocommit=True) as watch:

        def stands() -> bool:
            waiting = watch.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()
            return not other.is_alive() or waiting != (0,)

        def between(execute: Any, sql: str, *rest: Any) -> Any:
            """The other begins once this one has opened its first start, and gets as far as it can."""
            done = execute(sql, *rest)
            if sql.startswith("INSERT") and "ingest_boot" in sql and other.ident is None:
                other.start()
                until(stands, "the other worker waits, or is done")
            return done

        with connection.execute_wrapper(between):
            mine = learn(device, FIRST, SECOND)
    other.join(PATIENCE_S)
    assert told == [mine]
    assert mine[FIRST] < mine[SECOND], "numbered as the one told of them who came first"


def test_two_that_set_the_same_aside_in_opposite_orders_both_go_through(
    storage: str, postgresql: PostgreSQL, django_db_blocker: Any
) -> None:
    spoilt = [Received("kiosk-ring-2", None, bytes([number]), 0) for number in range(6)]
    told: list[object] = []

    def work() -> None:
        try:
            told.append(len(accept(spoilt[::-1])))
        except Exception as fault:
            told.append(fault)
        finally:
            connection.close()

    other = threading.Thread(target=work)

    with psycopg.connect(postgresql.url, autocommit=True) as watch:

        def stands() -> bool:
            waiting = watch.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()
            return not other.is_alive() or waiting != (0,)

        def between(execute: Any, sql: str, *rest: Any) -> Any:
            done = execute(sql, *rest)
            if sql.startswith("INSERT") and "ingest_setaside" in sql and other.ident is None:
                other.start()
                until(stands, "the other worker waits, or is done")
            return done

        with django_db_blocker.unblock():
            try:
                with connection.execute_wrapper(between):
                    accept(spoilt)
                other.join(PATIENCE_S)
                assert told == [len(spoilt)]
                assert list(SetAside.objects.values_list("times", flat=True)) == [2] * len(spoilt)
            finally:
                other.join(PATIENCE_S)
                SetAside.objects.filter(device="kiosk-ring-2").delete()
                Installation.objects.all().delete()
