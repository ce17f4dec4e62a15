"""A server whose power is cut, again and again: whatever was acknowledged is in its ledger, once, and the tallies come out right.

Devices offer batches as kiosks do, overlapping and repeated; each life ends at a moment drawn from it, and the server starts
again on what the cut has left.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from wire.envelopes import MAX_ROWS
from workbench.installation import ROOT
from workbench.torture import journal
from workbench.torture.card import Card
from workbench.torture.cuts import Findings, Tell, Wrong, cut_life, life_of, quiet
from workbench.torture.journal import Kind, Record
from workbench.torture.shim import Shim
from workbench.torture.sources import Source

LIVES: Final = 40
"""Lives after which a new server begins."""
DEVICES: Final = 3
LONGEST_S: Final = 0.4
MOST_GROUPS: Final = 80
DATABASE: Final = "server.sqlite3"


class Server:
    """`workbench.torture.acceptor` as a process of its own."""

    def __init__(self, folder: Path, *, tree: Path = ROOT) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self._tree = tree
        self.state = folder / "state"
        self.state.mkdir()
        self.log = folder / "acceptor.log"
        self.config = folder / "server.toml"
        self.config.write_text('state_dir = "state"\n')
        self.sources = [Source(f"kiosk-cut-{number}") for number in range(DEVICES)]
        self.promised = {source.name: 0 for source in self.sources}
        """How far each device is stored for certain."""
        devices = [f"{source.name}:{source.public_key}" for source in self.sources]
        done = subprocess.run(self._argv("prepare", *devices), env=self._environment(), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Wrong(f"the server could not be set up: {done.stderr[-2000:]}")

    def start(self, extra: Mapping[str, str]) -> "Acceptor":
        """Starts it on the card that `extra` describes."""
        card = [f"{name}={value}" for name, value in extra.items()]
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", "env", *card, *self._argv("serve")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environment(),
            )
        return Acceptor(process)

    def _argv(self, *words: str) -> list[str]:
        return [sys.executable, "-P", "-m", "workbench.torture.acceptor", "--config", str(self.config), *words]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self._tree)}


class Acceptor:
    """A running server."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process

    def ready(self) -> bool:
        """Waits until it takes messages; False if it is gone."""
        return self._answer() is not None

    def take(self, messages: Sequence[tuple[str, str, bytes]]) -> list[int | None] | None:
        """What each of `messages` was acknowledged with; none: the tallies are brought up to date. None if it is gone."""
        assert self.process.stdin is not None
        frame = msgspec.msgpack.encode(messages)
        try:
            self.process.stdin.write(len(frame).to_bytes(4, "little") + frame)
            self.process.stdin.flush()
        except OSError:
            return None
        return self._answer()

    def end(self) -> None:
        """SIGKILL, if it still runs."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue  # what it had not read any more

    def _answer(self) -> list[int | None] | None:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.endswith(b"\n"):
            return None
        said: list[int | None] = json.loads(line)
        return said


def cut_servers(folder: Path, *, cuts: int, seed: int, tree: Path = ROOT, tell: Tell = quiet) -> Findings:
    """`cuts` lives of servers run from `tree`, each ended by a power cut."""
    findings = Findings()
    number = 0
    while findings.lives < cuts:
        place = folder / f"server-{number}"
        chance = life_of(number, seed=seed)
        server = Server(place, tree=tree)
        life = 0
        try:
            while life < LIVES and findings.lives < cuts:
                life += 1
                _live(server, chance, findings)
                tell(findings)
            life += 1
            _settle(server)
        except Wrong as fault:
            findings.lose(f"server {number}, life {life}: {fault} (see {place})")
            tell(findings)
        else:
            shutil.rmtree(place)
        number += 1
    return findings


def _live(server: Server, chance: Random, findings: Findings) -> None:
    shim = Shim(server.state, server.folder)
    card = Card(server.state)
    try:
        _offer(server, shim, chance)
        records = journal.read(shim.journal)
    finally:
        shim.close()
    stored, happened = cut_life(
        card,
        records,
        server.state,
        chance,
        findings,
        lambda image, happened: judge(image, server.sources, _promised(server.promised, happened)),
    )
    promised = _promised(server.promised, happened)
    findings.thanked += sum(promised.values()) - sum(server.promised.values())
    findings.survivors += sum(stored.values()) - sum(promised.values())
    server.promised = stored


def _offer(server: Server, shim: Shim, chance: Random) -> None:
    """One life: groups of batches as the gateway takes them, and now and then the tallies, until it is killed."""
    running = server.start(shim.environment)
    timer: threading.Timer | None = None
    if chance.random() < 0.1:  # while it starts, and opens what the last cut has left
        timer = threading.Timer(chance.uniform(0.3, 1.0), running.process.kill)
        timer.start()
    try:
        running.ready()
        if timer is None:
            timer = threading.Timer(chance.uniform(0.0, LONGEST_S), running.process.kill)
            timer.start()
        known = dict(server.promised)
        for _ in range(MOST_GROUPS):
            group = [_batch(source, known[source.name], chance) for source in server.sources if chance.random() < 0.7]
            if chance.random() < 0.1:
                group = []
            said = running.take(group)
            if said is None:
                break
            for (name, _, _), through in zip(group, said, strict=True):
                if through is None:
                    raise Wrong(f"a sound batch of {name} was refused")
                journal.mark(shim.journal, f"acknowledged {name} {through}")
                known[name] = max(known[name], through)
        timer.join()
    finally:
        running.end()


def _batch(source: Source, through: int, chance: Random) -> tuple[str, str, bytes]:
    """Usually what comes next; now and then what the server has already, or what leaves a gap."""
    first = max(1, through + 1 + chance.choice((0, 0, 0, 0, -chance.randint(1, 30), chance.randint(1, 10))))
    return source.batch(first, chance.choice((1, 1, 2, 5, chance.randint(1, MAX_ROWS))))


def _promised(before: Mapping[str, int], records: Sequence[Record]) -> dict[str, int]:
    promised = dict(before)
    for record in records:
        if record.kind is Kind.MARK:
            _, name, through = record.first.decode().split()
            promised[name] = max(promised[name], int(through))
    return promised


def judge(image: Path, sources: Sequence[Source], promised: Mapping[str, int]) -> dict[str, int]:
    """How far each device is stored now. Raises `Wrong` or `sqlite3.Error`. The image stays as it was found."""
    with TemporaryDirectory(dir=image.parent) as copy:
        for part in image.glob(f"{DATABASE}*"):
            shutil.copy(part, copy)
        with closing(sqlite3.connect(Path(copy) / DATABASE)) as database:
            (sound,) = database.execute("PRAGMA integrity_check").fetchone()
            if sound != "ok":
                raise Wrong(f"the database is broken: {sound}")
            return {source.name: _stored(database, source, promised[source.name]) for source in sources}


def _stored(database: sqlite3.Connection, source: Source, promised: int) -> int:
    found = database.execute("SELECT id, stored_through FROM ingest_stream WHERE stream = ?", (source.stream,)).fetchall()
    number, through = found[0] if found else (0, 0)
    if through < promised:
        raise Wrong(f"{source.name} was told that {promised} rows are stored, and {through} are")
    rows = database.execute(
        "SELECT seq, value, visit, link FROM ingest_ledger WHERE stream_id = ? ORDER BY seq", (number,)
    ).fetchall()
    if [seq for seq, *_ in rows[:through]] != list(range(1, through + 1)):
        raise Wrong(f"{source.name} has {through} rows stored by its watermark, and not all of them are there")
    for seq, value, visit, link in rows:
        expected = source.rating(seq)
        same = (value, visit, link) == (expected.value, expected.visit, int.from_bytes(source.link(seq)[:8], "big", signed=True))
        if not same:
            raise Wrong(f"row {seq} of {source.name} is not what was sent")
    return int(through)


def _settle(server: Server) -> None:
    """At the end every gap is closed and every row is counted once. Raises `Wrong`."""
    running = server.start({})
    try:
        running.ready()
        sent = 0
        with closing(sqlite3.connect(server.state / DATABASE)) as database:
            highest = dict(
                database.execute("SELECT d.name, highest FROM ingest_stream s JOIN courts_device d ON d.id = s.device_id")
            )
        for source in server.sources:
            last = highest.get(source.name, 0)
            sent += last
            for first in range(1, last + 1, MAX_ROWS):
                running.take([source.batch(first, min(MAX_ROWS, last + 1 - first))])
        running.take([])
        with closing(sqlite3.connect(server.state / DATABASE)) as database:
            (counted,) = database.execute("SELECT coalesce(sum(v1 + v2 + v3 + v4 + v5), 0) FROM results_tally").fetchone()
            (waiting,) = database.execute("SELECT count(*) FROM ingest_mark").fetchone()
    finally:
        running.end()
    if (counted, waiting) != (sent, 0):
        raise Wrong(f"{sent} ratings were sent, and the tallies hold {counted}; {waiting} marks wait")
