"""The restore drill as the handbook has it, word for word, on a running server with devices: nothing is lost or counted twice."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import requests

from tests.support.postgresql import PostgreSQL
from tests.support.server import Line, Server
from tests.support.waiting import accepts_connections, until
from tests.sync_server.device import Source
from wire.envelopes import Clock, Hello
from workbench.ports import free_port
from workbench.processes import Child

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LANGUAGES = {"uk": "sqlite", "en": "postgresql"}
"""Either page is followed, each on a database of its own kind."""


def blocks(language: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", (DOCS / language / "backups.md").read_text(encoding="utf-8"), re.DOTALL)


def commands(language: str) -> list[list[list[str]]]:
    """The words of every line of every block of commands, without `./vidhuk server`."""
    found = [[shlex.split(line) for line in block.strip().splitlines()] for block in blocks(language, "sh")]
    assert all(words[:2] == ["./vidhuk", "server"] for block in found for words in block)
    return [[words[2:] for words in block] for block in found]


def test_both_languages_have_the_same_files_and_commands() -> None:
    assert commands("uk") == commands("en")
    bare = [[re.sub(r"\s*#.*", "", block) for block in blocks(language, "toml")] for language in LANGUAGES]
    assert bare[0] == bare[1]


class Kiosk:
    """A device that keeps its rows and sends what the server lacks."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.source = Source(line.device, line.key)

    def rate(self, *values: int) -> None:
        """Records, sends and waits until that is stored."""
        first = len(self.source.rows) + 1
        self.source.rate(*values, at=datetime.now(UTC))
        self.line.connect()
        self.line.send("up", self.source.batch(first))
        self.line.ack_through(len(self.source.rows))
        self.line.close()

    def come_back(self) -> tuple[bytes, int]:
        """Greets, sends what is lacking, and returns the server's epoch and how much it had."""
        self.line.connect()
        wall = int(datetime.now(UTC).timestamp() * 1000)
        clock = Clock(self.source.boot, 3_600_000, wall, True)
        self.line.send("up", Hello(1, self.source.stream, len(self.source.rows) + 1, 1, 0, clock, "drill"))
        ack = self.line.ack_through(0)
        if ack.stored_through < len(self.source.rows):
            self.line.send("up", self.source.batch(ack.stored_through + 1))
            self.line.ack_through(len(self.source.rows))
        self.line.close()
        return ack.epoch, ack.stored_through


class Drill:
    """A machine with a server on it, and the handbook open beside it."""

    def __init__(self, folder: Path, language: str, cluster: PostgreSQL | None) -> None:
        configured, self.practice = blocks(language, "toml")
        self.made, self.practised, self.earnest = commands(language)
        self.backups = folder / "backups"
        self.urls = self._databases(cluster)
        backup = configured.replace("/mnt/backups/vidhuk", str(self.backups))
        self.server = Server(folder, more=self._database("server"))
        self.server.config.write_text(self.server.config.read_text() + backup, encoding="utf-8")

    def _databases(self, cluster: PostgreSQL | None) -> dict[str, str]:
        if cluster is None:
            return {}
        with psycopg.connect(cluster.url, autocommit=True) as admin:
            for name in ("server", "drill"):
                admin.execute(f"CREATE DATABASE restored_{name}")
        return {name: cluster.url.removesuffix("/vidhuk") + f"/restored_{name}" for name in ("server", "drill")}

    def _database(self, name: str) -> str:
        return f'database_url = "{self.urls[name]}"\n' if self.urls else ""

    def write_practice(self) -> int:
        """Writes `drill.toml` as it is printed, in folders of this test; returns the port of its pages."""
        port = free_port()
        text = self.practice.replace("/var/tmp/vidhuk-drill", str(self.server.folder / "drill")).replace("9080", str(port))
        (self.server.folder / "drill.toml").write_text(self._database("drill") + text, encoding="utf-8")
        return port

    def argv(self, words: list[str], name: str = "") -> list[str]:
        """A line of the handbook as it is typed here."""
        paths = {"/mnt/backups/vidhuk/NAME": str(self.backups / name), "NAME": name}
        return [sys.executable, "-m", "sync_server", *(paths.get(word, word) for word in words)]

    def type(self, words: list[str], name: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.argv(words, name), env=self.server.env, cwd=self.server.folder, capture_output=True, text=True, timeout=120
        )

    def do(self, words: list[str], name: str = "") -> str:
        done = self.type(words, name)
        assert done.returncode == 0, f"{words[0]} said: {done.stderr}"
        return done.stdout + done.stderr

    def counted(self) -> int:
        """Answers in the tallies."""
        columns = "+".join(f"v{point}" for point in range(11))
        question = f"SELECT coalesce(sum({columns}), 0) FROM results_tally"
        if not self.urls:
            return int(self.server.query(question)[0][0])
        with psycopg.connect(self.urls["server"], autocommit=True) as reader:
            return int(reader.execute(question).fetchall()[0][0])


@pytest.fixture(params=LANGUAGES)
def drill(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Drill]:
    language = request.param
    cluster = request.getfixturevalue("postgresql") if LANGUAGES[language] == "postgresql" else None
    made = Drill(tmp_path, language, cluster)
    try:
        yield made
    finally:
        made.server.stop()


@pytest.mark.slow
def test_the_drill_of_the_handbook_from_the_first_backup_to_the_last_rating(drill: Drill) -> None:
    server = drill.server
    exit = server.set_up()
    assert "There is no backup yet" in server.command("check")
    server.start()
    kiosk = Kiosk(server.enrolled(exit, "kiosk-drill"))
    kiosk.rate(5, 4, 3)

    make, look = drill.made
    made = drill.do(make)
    listed = drill.do(look)
    name = listed.split()[0]
    assert str(drill.backups / name) in made
    assert "3 rows of 1 device" in listed
    assert "There is no backup yet" not in server.command("check")
    kiosk.rate(2, 1)
    later = Kiosk(server.enrolled(exit, "kiosk-later"))
    later.rate(1)
    until(lambda: drill.counted() == 6, "six are counted")

    port = drill.write_practice()
    restore, status, web = drill.practised
    drill.do(restore, name)
    said = drill.do(status)
    assert "kiosk-drill  away, " in said
    assert "3 rows stored, " in said
    pages = Child(
        "web", drill.argv(web), log=server.folder / "drill.log", env=server.env | {"VIDHUK_SERVER_CONFIG": ""}, cwd=server.folder
    )
    pages.start()
    try:
        until(lambda: accepts_connections(port), "the restored pages answer")
        assert requests.get(f"http://127.0.0.1:{port}/sign-in/", timeout=30).status_code == 200
    finally:
        pages.stop()
    assert drill.counted() == 6, "the server itself was not touched"

    restore, run = drill.earnest
    assert run[0] == "run"
    refused = drill.type(restore, name)
    assert (refused.returncode, refused.stderr.partition(".")[0]) == (1, "The server is running")
    epoch, had = kiosk.come_back()
    assert had == 5
    server.stop()
    said = drill.do(restore, name)
    assert "What there was is backed up first" in said
    assert "kiosk-later, enrolled after the backup was made, is taken in again." in said
    server.start()
    assert drill.counted() == 3
    fresh, had = kiosk.come_back()
    assert (fresh != epoch, had) == (True, 3)
    assert later.come_back() == (fresh, 0)
    until(lambda: drill.counted() == 6, "six are counted again, each once")
    assert kiosk.come_back() == (fresh, 5)
    assert drill.counted() == 6
