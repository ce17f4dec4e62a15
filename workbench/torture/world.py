"""A server whose parts are processes that the harness itself starts, kills and starts again, and devices enrolled by the real
path.
"""

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from kiosk.upkeep.enrolment import enrol
from workbench.installation import HOST, ROOT, free_ports
from workbench.processes import Child, Household
from workbench.torture.cuts import Wrong
from workbench.torture.sources import Source

PATIENCE_S: Final = 60.0
SETTLE_S: Final = 600.0
"""Longer than a kiosk's longest pause between two attempts."""


class World:
    """Everything below `folder`. `household` owns the processes. Raises `Wrong` when something does not work that must."""

    def __init__(self, folder: Path, household: Household) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._household = household
        self._ports = free_ports()
        self._config = folder / "server.toml"
        self._config.write_text(
            'state_dir = "server"\nlive_step = 1\n'
            + "".join(f'[{name}]\nlisten = "{HOST}:{port}"\n' for name, port in self._ports.items())
        )
        self._command("init")
        self._command("add-court", "--slug", "court", "--name-uk", "Суд")
        self._exit = self._command("add-exit", "--court", "court", "--name-uk", "Вихід").strip()
        configuration = folder / "server" / "broker" / "mosquitto.conf"
        self._start("broker", ["mosquitto", "-c", str(configuration)])
        self.await_port(self.broker)
        self.part("door")
        self.await_port(self._ports["door"])

    @property
    def broker(self) -> int:
        """The broker's port."""
        return self._ports["broker"]

    def part(self, name: str) -> Child:
        """One command of the server as a process, running."""
        return self._start(name, self._argv(name))

    def enrol(self, device: str, state: Path) -> None:
        """Gives `state` an identity, through the door, with a one-time code."""
        said = json.loads(self._command("enrol-code", "--exit", self._exit, "--device", device, "--json").splitlines()[-1])
        enrol(server=said["server"], fingerprint=said["fingerprint"], code=said["code"], state_dir=state)

    def bury(self, child: Child) -> None:
        """SIGKILL, at once."""
        child.kill()
        self._household.children.remove(child)

    def rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Asks the server's database, from outside."""
        file = self.folder / "server" / "server.sqlite3"
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as database:
            return database.execute(sql, values).fetchall()

    def number(self, sql: str, *values: object) -> int:
        """As `rows`, the one number asked for."""
        return int(str(self.rows(sql, *values)[0][0]))

    def ratings(self, device: str) -> int:
        """Ratings of `device` in the ledger."""
        return self.number(
            "SELECT count(*) FROM ingest_ledger l JOIN ingest_stream s ON s.id = l.stream_id JOIN courts_device d"
            " ON d.id = s.device_id JOIN ingest_itemkey i ON i.id = l.item_id"
            " WHERE d.name = ? AND l.kind = 1 AND i.key = 'overall'",
            device,
        )

    def settle(self) -> int:
        """Brings the tallies up to date and returns how many ratings they hold."""
        tally = self.part("tally")
        self.until(lambda: not self.rows("SELECT 1 FROM ingest_mark LIMIT 1"), "the tallies are up to date")
        self.bury(tally)
        points = "+".join(f"v{point}" for point in range(11))
        return self.number(f"SELECT coalesce(sum({points}), 0) FROM results_tally WHERE item = 'overall'")

    def require_sound(self, source: Source, sent: int) -> None:
        """Raises `Wrong` unless rows 1 … `sent` of `source` are stored, each once and as they were sent."""
        found = self.rows(
            "SELECT l.seq, l.value, l.visit FROM ingest_ledger l JOIN ingest_stream s ON s.id = l.stream_id"
            " WHERE s.stream = ? ORDER BY l.seq",
            source.stream,
        )
        expected = [(seq, rating.value, rating.visit) for seq, rating in source.ratings(sent)]
        if found != expected:
            raise Wrong(f"{source.name} sent {sent} rows, and {len(found)} are stored or they differ")

    def require_no_alarms(self) -> None:
        """Raises `Wrong` if a stream counts as forked, or anything was set aside."""
        if forked := self.number("SELECT count(*) FROM ingest_stream WHERE forked_at IS NOT NULL"):
            raise Wrong(f"{forked} streams are taken for forked")
        if aside := self.rows("SELECT device, reason, text FROM ingest_setaside"):
            raise Wrong(f"set aside: {aside[:3]}")

    def until(self, probe: Callable[[], object], what: str, *, seconds: float = SETTLE_S) -> None:
        """Waits until `probe()` is true. Raises `Wrong`."""
        deadline = time.monotonic() + seconds
        while not probe():
            if time.monotonic() > deadline:
                raise Wrong(f"not within {seconds:.0f} s: {what}")
            time.sleep(0.05)

    def await_port(self, port: int) -> None:
        """Waits until somebody listens there."""
        self.until(lambda: _answers(port), f"somebody listens on port {port}", seconds=PATIENCE_S)

    def _start(self, name: str, argv: list[str]) -> Child:
        log = self.folder / f"{name}.log"
        return self._household.start(Child(f"The {name}", argv, log=log, env=self._environment(), cwd=self.folder))

    def _argv(self, *words: str) -> list[str]:
        return [sys.executable, "-P", "-m", "sync_server", *words, "--config", str(self._config)]

    def _environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(ROOT), "DATABASE_URL": "", "VIDHUK_SERVER_CONFIG": ""}

    def _command(self, *words: str) -> str:
        done = subprocess.run(
            self._argv(*words), env={**os.environ, **self._environment()}, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Wrong(f"{words[0]} said: {done.stderr.strip()}")
        return done.stdout


def _answers(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
