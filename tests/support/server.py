"""A whole server as processes of its own, and devices that enrol through its door and speak to its broker as real ones do."""

import json
import os
import queue
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from kiosk.upkeep.enrolment import enrol
from tests.support.waiting import accepts_connections, until
from wire import codec
from wire.codec import Envelope
from wire.events import DeviceId
from wire.topics import Leaf, topic
from workbench.ports import free_port
from workbench.processes import Child

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "vidhuk-z-vykhodu-17"


class Given(msgspec.Struct):
    """What `enrol-code --json` prints."""

    code: str
    device: str
    server: str
    fingerprint: str


class Server:
    """`python -m sync_server` on a folder and ports of its own; what it keeps outlives it."""

    def __init__(self, folder: Path, *, more: str = "", broker: str = "", database_url: str | None = None) -> None:
        self.folder = folder
        self.ports = {name: free_port() for name in ("web", "door", "broker")}
        self.config = folder / "server.toml"
        self.database_url = database_url
        self.config.write_text(
            f'state_dir = "state"\nlive_step = 1\n{more}\n'
            f'[web]\nlisten = "127.0.0.1:{self.ports["web"]}"\n'
            f'[door]\nlisten = "127.0.0.1:{self.ports["door"]}"\n'
            f'[broker]\nlisten = "127.0.0.1:{self.ports["broker"]}"\n{broker}\n'
        )
        self.child: Child | None = None

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def env(self) -> dict[str, str]:
        env = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "VIDHUK_SERVER_CONFIG")}
        return env | {"PYTHONPATH": str(ROOT)} | ({"DATABASE_URL": self.database_url} if self.database_url else {})

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "sync_server", *words, "--config", str(self.config)]

    def command(self, *words: str, given: str = "") -> str:
        """Runs a command to its end and returns what it printed; AssertionError with its words when it fails."""
        done = self.try_command(*words, given=given)
        assert done.returncode == 0, f"{words[0]} said: {done.stderr}"
        return done.stdout

    def try_command(self, *words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.argv(*words), env=self.env, cwd=self.folder, input=given, capture_output=True, text=True, check=False, timeout=120
        )

    def part(self, name: str) -> Child:
        """One command as a process, running."""
        env = self.env
        # A child's own environment is laid over ours, in which another configuration and database may be named.
        env |= {key: env.get(key, "") for key in ("DATABASE_URL", "VIDHUK_SERVER_CONFIG")}
        return Child(name, self.argv(name), log=self.folder / f"{name}.log", env=env, cwd=self.folder).start()

    def start(self) -> Self:
        """Everything at once; waits until the door, the broker and the pages answer."""
        self.child = self.part("run")
        self.wait()
        return self

    def wait(self) -> None:
        def listens() -> bool:
            assert self.child is not None
            self.child.check()
            return all(accepts_connections(port) for port in self.ports.values())

        until(listens, "the server listens")

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop()

    def kill(self) -> None:
        """As a power cut would: every process of it at once."""
        assert self.child is not None
        pids = [self.child.pid, *descendants(self.child.pid)]
        for pid in pids:
            _kill(pid)
        assert self.child.process is not None
        self.child.process.wait()

    def pids_of(self, part: str) -> list[int]:
        """Process ids of a running part, its own children included."""
        assert self.child is not None
        found = []
        for pid in descendants(self.child.pid):
            words = _words(pid)
            if part == "broker":
                ours = any(word.endswith("mosquitto") for word in words[:1])
            elif part in ("web", "door"):
                ours = any(word.endswith("granian") for word in words) and str(self.ports[part]) in words
            else:
                ours = "sync_server" in words and part in words
            if ours:
                found.append(pid)
        return found

    def kill_part(self, part: str, *, only_first: bool = False) -> None:
        """SIGKILL for a part, its children included, or for its first process only."""
        for pid in self.pids_of(part)[: 1 if only_first else None]:
            _kill(pid)

    # --- setting up ---

    def set_up(self, *, timezone: str = "Europe/Kyiv") -> str:
        """Tables, a court `court` and one exit, whose number is returned."""
        self.command("init")
        self.command("add-court", "--slug", "court", "--name-uk", "Суд", "--timezone", timezone)
        return self.command("add-exit", "--court", "court", "--name-uk", "Вихід").strip()

    def administrator(self, username: str = "admin") -> str:
        self.command("createadmin", "--username", username, "--password-stdin", given=PASSWORD + "\n")
        return username

    def code(self, exit: str, device: str) -> Given:
        said = self.command("enrol-code", "--exit", exit, "--device", device, "--json")
        return msgspec.convert(json.loads(said.splitlines()[-1]), Given)

    def enrolled(self, exit: str, device: str) -> "Line":
        """A device that has just enrolled through the door, not yet connected."""
        given = self.code(exit, device)
        folder = self.folder / device
        enrol(server=given.server, fingerprint=given.fingerprint, code=given.code, state_dir=folder)
        return Line(DeviceId(device), folder / "identity", self.ports["broker"])

    # --- looking ---

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Reads the server's SQLite database from outside."""
        where = f"file:{self.state / 'server.sqlite3'}?mode=ro"
        with closing(sqlite3.connect(where, uri=True, timeout=20)) as connection:
            return connection.execute(sql).fetchall()

    def answers(self, item: str = "overall") -> int:
        """Answers to `item` in the tallies, of every day."""
        columns = "+".join(f"v{point}" for point in range(11))
        return int(self.query(f"SELECT coalesce(sum({columns}), 0) FROM results_tally WHERE item = '{item}'")[0][0])

    def settle(self) -> None:
        """Waits until the tallies hold everything that is stored."""
        until(lambda: not self.query("SELECT 1 FROM ingest_mark LIMIT 1"), "the tallies are up to date")

    def set_aside(self) -> list[tuple[str, str, int]]:
        """(device, reason, times) of everything that could not be taken."""
        return self.query("SELECT device, reason, times FROM ingest_setaside ORDER BY id")  # type: ignore[return-value]


@dataclass
class Heard:
    """A message that came down."""

    content_type: str | None
    payload: bytes
    retained: bool


class Line:
    """A device's line to the broker: paho with the device's own certificate."""

    def __init__(self, device: DeviceId, identity: Path, port: int) -> None:
        self.device = device
        self.identity = identity
        self.port = port
        self.client: Client | None = None
        self._forget()

    def _forget(self) -> None:
        self.heard: defaultdict[str, queue.SimpleQueue[Heard]] = defaultdict(queue.SimpleQueue)
        self.codes: dict[int, int] = {}
        self.granted: list[int] | None = None
        self.connected: int | None = None
        self.lost = 0

    @property
    def key(self) -> Ed25519PrivateKey:
        key = serialization.load_pem_private_key((self.identity / "key.pem").read_bytes(), None)
        assert isinstance(key, Ed25519PrivateKey)
        return key

    def files(self) -> dict[str, str]:
        names = {"ca_certs": "ca.pem", "certfile": "certificate.pem", "keyfile": "key.pem"}
        return {name: str(self.identity / file) for name, file in names.items()}

    def connect(self, *listen_to: str) -> Self:
        """Connects and subscribes to whole topic names; its own `down`, `config` and `command` when none are named."""
        self._forget()
        client = Client(CallbackAPIVersion.VERSION2, client_id=self.device, protocol=MQTTv5)
        client.tls_set(**self.files())
        client.reconnect_delay_set(0.05, 1)  # type: ignore[arg-type]  # a refused message costs the line, and the tests go on
        client.on_connect = lambda _, __, ___, reason, ____: setattr(self, "connected", reason.value)
        client.on_disconnect = self._on_disconnect
        client.on_publish = lambda _, __, mid, reason, ____: self.codes.__setitem__(mid, reason.value)
        client.on_subscribe = lambda _, __, ___, reasons, ____: setattr(self, "granted", [reason.value for reason in reasons])
        client.on_message = self._on_message
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        self.client = client
        until(lambda: self.connected is not None, f"{self.device} is connected")
        assert self.connected == 0
        names = listen_to or [topic(self.device, leaf) for leaf in ("down", "config", "command")]
        client.subscribe([(name, 1) for name in names])
        until(lambda: self.granted is not None, "the subscription is answered")
        return self

    def close(self) -> None:
        if self.client is not None:
            self.client.disconnect()
            self.client.loop_stop()
            self.client = None

    def publish(self, name: str, payload: bytes, content_type: str | None = codec.PLAIN, *, retain: bool = False) -> int:
        """Publishes at QoS 1 and returns the broker's reason code: 0 or 16 (nobody listens) taken, 128 and more refused."""
        assert self.client is not None
        properties = Properties(PacketTypes.PUBLISH)
        if content_type is not None:
            properties.ContentType = content_type
        mid = self.client.publish(name, payload, 1, retain, properties).mid
        until(lambda: mid in self.codes, f"the broker answers {self.device}'s publishing to {name}")
        return self.codes[mid]

    def send(self, leaf: Leaf, envelope: Envelope) -> int:
        content_type, data = codec.encode(envelope)
        return self.publish(topic(self.device, leaf), data, content_type)

    def next(self, leaf: str, *, seconds: float = 60.0) -> Heard:
        """The next message on `leaf`."""
        try:
            return self.heard[leaf].get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"nothing on {leaf} for {self.device}") from None

    def ack_through(self, seq: int) -> Any:
        """Waits for an acknowledgement that says so much is stored."""
        while True:
            heard = self.next("down")
            ack = codec.decode_ack(heard.content_type, heard.payload)
            if ack.stored_through >= seq:
                return ack

    def _on_disconnect(self, *_: Any) -> None:
        self.lost += 1

    def _on_message(self, _: Client, __: Any, message: Any) -> None:
        content_type = getattr(message.properties, "ContentType", None)
        self.heard[message.topic.rpartition("/")[2]].put(Heard(content_type, message.payload, bool(message.retain)))


def stop_all(things: Sequence[Any]) -> None:
    """Closes or stops everything, last first."""
    for thing in reversed(things):
        thing.close() if hasattr(thing, "close") else thing.stop()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def descendants(ancestor: int) -> list[int]:
    """Process ids of all living descendants, parents before children."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The name in brackets may hold spaces; what follows the last bracket is state and parent.
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state not in ("Z", "X"):
            children.setdefault(int(parent), []).append(int(entry.name))
    found = list(children.get(ancestor, []))
    for pid in found:
        found += children.get(pid, [])
    return found
