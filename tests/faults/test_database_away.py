"""The database goes away under a running server and comes back: nothing that was sent is lost, and nobody is told a lie."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import requests

from tests.support.postgresql import PostgreSQL
from tests.support.server import Server
from tests.support.waiting import accepts_connections, until
from tests.sync_server.device import Source


@pytest.fixture
def cluster() -> Iterator[PostgreSQL]:
    """One that may be stopped: the other tests' cluster is not ours to stop."""
    made = PostgreSQL()
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture
def server(tmp_path: Path, cluster: PostgreSQL) -> Iterator[Server]:
    made = Server(tmp_path, database_url=cluster.url)
    try:
        yield made
    finally:
        made.stop()


def counted(cluster: PostgreSQL) -> int:
    with psycopg.connect(cluster.url, autocommit=True) as reader:
        (found,) = reader.execute("SELECT coalesce(sum(v4), 0) FROM results_tally").fetchone() or (0,)
        return int(found)


@pytest.mark.slow
def test_a_database_that_goes_and_comes_back_loses_nothing_and_doubles_nothing(server: Server, cluster: PostgreSQL) -> None:
    exit = server.set_up()
    server.start()
    line = server.enrolled(exit, "kiosk-patient").connect()
    source = Source(line.device, line.key)
    try:
        source.rate(4, 4, at=datetime.now(UTC))
        line.send("up", source.batch(1, 2))
        line.ack_through(2)
        until(lambda: counted(cluster) == 2, "two are counted")
        assert cluster.child is not None
        assert cluster.child.process is not None
        cluster.child.process.send_signal(signal.SIGINT)  # PostgreSQL's own "at once": clients are cut off, what is committed stays
        cluster.child.process.wait()
        source.rate(4, 4, 4, at=datetime.now(UTC))
        for _ in range(2):
            line.send("up", source.batch(3, 5))
        line.publish(f"vidhuk/1/{line.device}/up", b"nonsense")
        refused = requests.post(
            f"https://localhost:{server.ports['door']}/enrol",
            data=b'{"v": 1, "code": "ABCDE-FGHJK", "request": ""}',
            verify=str(line.identity / "ca.pem"),
            timeout=60,
        )
        assert (refused.status_code, refused.json()["error"]) == (503, "unavailable")
        assert line.heard["down"].empty(), "nothing is stored, so nothing is acknowledged"
        cluster.child.start()
        until(lambda: accepts_connections(cluster.port), "PostgreSQL is back")
        line.ack_through(5)
        until(lambda: counted(cluster) == 5, "five are counted, each once")
        with psycopg.connect(cluster.url, autocommit=True) as reader:
            assert reader.execute("SELECT reason, times FROM ingest_setaside").fetchall() == [("malformed", 1)]
        server.wait()
    finally:
        line.close()
    said = (server.folder / "run.log").read_text()
    assert "the database is away" in said
    assert "has ended" not in said, "no part dies of it"
