"""Durable ratings a second. In batches: `accept` against a bare executemany loop. One a message: the gateway against bare paho.

Durable means committed with WAL and `synchronous=FULL` on the checkout's own disk; signatures and every check are included.
"""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import copyfile
from statistics import median
from typing import Any, Final, TypeVar

import msgspec

from wire import VERSION, codec
from wire.envelopes import MAX_ROWS, Clock, Hello
from wire.topics import topic
from workbench.bench import packets
from workbench.bench.crowd import Ledger, rows
from workbench.bench.ground import BenchDevice, Ground
from workbench.bench.harness import Benchmark, BenchTrouble, Figure, Say, Target, alternate, ratio, scratch
from workbench.bench.publisher import Part, Plan
from workbench.installation import ROOT
from workbench.processes import Child, Household

T = TypeVar("T")
Line = tuple[Any, ...]

DEVICES: Final = 4
GROUP: Final = DEVICES * MAX_ROWS
"""Rows a transaction: one full batch of each device, and as many for the bare loop."""
FILLED: Final = 40
"""Such groups in the tables before anything is measured."""
TURNS_A_RUN: Final = 6
"""Transactions of each side within a run, in turns: one takes some ten milliseconds, in which a machine hardly drifts."""
SINGLE: Final = 3_000
"""Messages a run, of one row each."""
BATCHED: Final = Target(at_least=0.25)
ONE_BY_ONE: Final = Target(at_least=0.2)
ARRIVAL: Final = 1_795_000_000_000
"""When everything arrives (ms since the epoch): after the last sample day."""
PATIENCE_S: Final = 120


def measure(runs: int, say: Say) -> list[Figure]:
    """Both comparisons, each in turns."""
    with scratch() as folder, Household() as household:
        say("Preparing keys, tables and the rows of four busy exits …")
        ground = Ground(Path(folder), household)
        groups = FILLED + (runs + 1) * TURNS_A_RUN
        needed = groups * MAX_ROWS + runs * SINGLE // DEVICES
        devices = [ground.device(number) for number in range(1, DEVICES + 1)]
        sources = [
            Source(device, Ledger(device.stream, device.key, rows(ground.questionnaire, door=number, count=needed)))
            for number, device in enumerate(devices)
        ]
        found = batched(ground, sources, runs, say)
        found += one_by_one(ground, sources, runs, say)
        _require_all(sources)
        return found


class Source:
    """A device and how far its stream has been sent."""

    def __init__(self, device: BenchDevice, ledger: Ledger) -> None:
        self.device = device
        self.sent = 0
        self._ledger = ledger

    def batch(self, count: int) -> tuple[str, bytes]:
        """(content type, bytes) of the next `count` rows."""
        first, self.sent = self.sent + 1, self.sent + count
        return self._ledger.batch(first, count)


# --- in batches --------------------------------------------------------------------------------------------------------------


def batched(ground: Ground, sources: list[Source], runs: int, say: Say) -> list[Figure]:
    """`accept` with a batch of each device a transaction, and as many rows by executemany into a copy of the same database."""
    from sync_server.ingest.services import Received, accept
    from sync_server.project.serving import calm_collector

    def group() -> list[Received]:
        return [Received(source.device.name, *source.batch(MAX_ROWS), ARRIVAL) for source in sources]

    say(f"Filling the tables with {FILLED * GROUP} rows …")
    for _ in range(FILLED):
        accept(group())
    bare = Bare(ground, sources)
    calm_collector()  # as the gateway does, for both sides

    def ours() -> float:
        rate = _rate(accept, group())
        bare.learn()
        return rate

    def theirs() -> float:
        return _rate(bare.insert, bare.next())

    say(f"Accepting {TURNS_A_RUN * GROUP} rows a run, in turns with a bare loop …")
    for _ in range(TURNS_A_RUN):  # not counted: it warms up, and gives the bare loop its first rows
        ours()
    turns = alternate(runs * TURNS_A_RUN, ours=ours, theirs=theirs)
    taken = {
        name: [median(rates[start : start + TURNS_A_RUN]) for start in range(0, len(rates), TURNS_A_RUN)]
        for name, rates in turns.items()
    }
    return [
        Figure("accept", "rows a second", taken["ours"], f"{DEVICES} signed batches of {MAX_ROWS} rows a transaction"),
        Figure("bare executemany", "rows a second", taken["theirs"], f"{GROUP} rows a transaction, same tables, keys and pragmas"),
        ratio(
            "accept / bare",
            taken["ours"],
            taken["theirs"],
            about=f"SQLite, WAL, FULL; {FILLED * GROUP} rows in the table before",
            target=BATCHED,
        ),
    ]


class Bare:
    """A copy of the server's database and nothing around it. It inserts what `accept` has stored one run before."""

    def __init__(self, ground: Ground, sources: Sequence[Source]) -> None:
        from django.db import connection

        from sync_server.ingest.store import COLUMNS
        from sync_server.project.database import SQLITE_PRAGMAS

        connection.close()
        self._server = sqlite3.connect(ground.database)
        self._server.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        copy = ground.folder / "bare.sqlite3"
        copyfile(ground.database, copy)
        self._copy = sqlite3.connect(copy, isolation_level=None)
        self._copy.executescript(SQLITE_PRAGMAS)
        self._names = ", ".join(name for name, _ in COLUMNS)
        self._statement = f"INSERT INTO ingest_ledger ({self._names}) VALUES ({', '.join('?' * len(COLUMNS))})"
        self._streams = [
            self._server.execute("SELECT id FROM ingest_stream WHERE stream = ?", [source.device.stream]).fetchone()[0]
            for source in sources
        ]
        self._sources = sources
        self._known = sources[0].sent
        self._waiting: deque[list[Line]] = deque()

    def learn(self) -> None:
        """Takes over what `accept` has stored since."""
        boots = self._server.execute("SELECT id, device_id, boot FROM ingest_boot").fetchall()
        self._copy.executemany("INSERT OR IGNORE INTO ingest_boot (id, device_id, boot) VALUES (?, ?, ?)", boots)
        asked = f"SELECT {self._names} FROM ingest_ledger WHERE stream_id = ? AND seq BETWEEN ? AND ?"
        while self._known < self._sources[0].sent:
            limits = self._known + 1, self._known + MAX_ROWS
            self._waiting.append([row for stream in self._streams for row in self._server.execute(asked, [stream, *limits])])
            self._known += MAX_ROWS

    def next(self) -> list[Line]:
        """The next transaction's rows."""
        group = self._waiting.popleft()
        if len(group) != GROUP:
            raise BenchTrouble(f"accept stored {len(group)} rows of {GROUP}.")
        return group

    def insert(self, group: Sequence[Line]) -> None:
        """One transaction."""
        self._copy.execute("BEGIN IMMEDIATE")
        self._copy.executemany(self._statement, group)
        self._copy.execute("COMMIT")


def _rate(work: Callable[[T], object], group: T) -> float:
    """Rows a second of one transaction."""
    began = time.perf_counter()
    work(group)
    return GROUP / (time.perf_counter() - began)


# --- one a message -----------------------------------------------------------------------------------------------------------


def one_by_one(ground: Ground, sources: list[Source], runs: int, say: Say) -> list[Figure]:
    """A gateway process between a real broker and SQLite, and a paho process that only receives, from the same publisher."""
    from django.db import connection

    connection.close()
    ground.start_broker()

    def plan(awaits: bool) -> Plan:
        parts = [_part(source, SINGLE // DEVICES) for source in sources]
        return Plan(ground.port, str(ground.authority.certificate_file), awaits, parts)

    plans = {"ours": deque(plan(True) for _ in range(runs))}
    # What is only received need not be new: the same messages again.
    plans["theirs"] = deque(msgspec.structs.replace(one, awaits=False) for one in plans["ours"])

    def ours() -> float:
        gateway = ground.start_gateway()
        try:
            said = _publish(ground, plans["ours"].popleft(), [gateway])
        finally:
            gateway.stop()
        return SINGLE / (said["stored"] - said["began"])

    def theirs() -> float:
        receiver = _start_receiver(ground)
        try:
            said = _publish(ground, plans["theirs"].popleft(), [])
            last, _ = receiver.communicate(timeout=PATIENCE_S)
        finally:
            receiver.kill()
            receiver.wait()
        return SINGLE / (float(last) - said["began"])

    say(f"Sending {SINGLE} messages a run, to the gateway and to a bare client in turns …")
    taken = alternate(runs, ours=ours, theirs=theirs)
    about = "from the first message sent to the server's own acknowledgement of the last row; TLS, QoS 1, signed"
    return [
        Figure("gateway, one a message", "ratings a second", taken["ours"], about),
        Figure(
            "bare paho", "messages a second", taken["theirs"], "same broker, TLS, QoS 1, window, manual acks; nothing else done"
        ),
        ratio("gateway / bare paho", taken["ours"], taken["theirs"], about="one row a message", target=ONE_BY_ONE),
    ]


def _part(source: Source, count: int) -> Part:
    device, first = source.device, source.sent + 1
    up = topic(device.name, "up")
    messages = [packets.publish(up, number, *source.batch(1)) for number in range(1, count + 1)]
    clock = Clock(b"\0" * 16, 0, ARRIVAL, False)
    hello = Hello(VERSION, device.stream, next=source.sent + 1, oldest=first, config=0, clock=clock, software="bench")
    greeting = packets.publish(up, 65535, *codec.encode(hello))
    return Part(device.name, str(device.certificate), str(device.key_file), greeting, messages, source.sent)


def _publish(ground: Ground, plan: Plan, watched: Sequence[Child]) -> dict[str, float]:
    file = ground.folder / "plan"
    file.write_bytes(msgspec.msgpack.encode(plan))
    argv = [sys.executable, "-P", "-m", "workbench.bench.publisher", str(file)]
    done = subprocess.run(argv, cwd=ROOT, env=_environment(), capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if done.returncode != 0:
        said = [*(child.last_words() for child in watched), done.stderr.strip()[-500:]]
        raise BenchTrouble("The publisher failed:\n" + "\n".join(said))
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _start_receiver(ground: Ground) -> "subprocess.Popen[str]":
    from sync_server.fleet.authority import GATEWAY
    from sync_server.gateway.broker import IN_FLIGHT

    files = [str(ground.authority.certificate_file), *map(str, ground.authority.files_of(GATEWAY))]
    argv = [sys.executable, "-P", "-m", "workbench.bench.receiver", str(ground.port), *files, str(SINGLE), str(IN_FLIGHT)]
    receiver = subprocess.Popen(argv, cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, text=True)
    assert receiver.stdout is not None
    if receiver.stdout.readline().strip() != "ready":
        raise BenchTrouble("The bare client could not subscribe.")
    return receiver


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _require_all(sources: Sequence[Source]) -> None:
    """What was not stored was not measured."""
    from sync_server.ingest.models import LedgerRow, Stream

    for source in sources:
        stream = Stream.objects.get(stream=source.device.stream)
        stored = LedgerRow.objects.filter(stream=stream).exclude(kind=0).count()
        if not stored == stream.stored_through == source.sent:
            raise BenchTrouble(f"{source.device.name} sent {source.sent} rows, and {stored} are stored.")


BENCHMARK = Benchmark("ingest", "durable ratings a second, in batches and one a message", 7, measure)
