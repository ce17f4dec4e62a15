"""One demo installation on this machine: its folder, ports and configuration files, and the real commands that make it up."""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import requests

from kiosk.errors import KioskError
from kiosk.ledger.sealing import Unreadable
from kiosk.ledger.store import look
from workbench.ports import free_port
from workbench.processes import Child, Household

ROOT: Final = Path(__file__).resolve().parent.parent
HOST: Final = "127.0.0.1"
START_S: Final = 60.0
MARKER: Final = "vidhuk-demo.json"
WINDOW: Final = "[screen]\nsize = [1280, 800]\ndiagonal = 10.1\nshow_pointer = true\n\n"

PORTS: Final = {"web": (8080, "pages"), "door": (8443, "devices by HTTPS"), "broker": (8883, "devices by MQTT")}
"""Ports the demo uses unless it is told others, and what for."""


class DemoTrouble(Exception):
    """One sentence for people: what is wrong and what to do."""


def free_ports() -> dict[str, int]:
    """Three different loopback ports on which nobody listens."""
    return {name: free_port() for name in PORTS}


def require_ports(ports: dict[str, int]) -> None:
    """Raises DemoTrouble naming the first port that another program holds, and the option that chooses another."""
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                raise DemoTrouble(
                    f"Port {port} ({PORTS[name][1]}) is in use by another program:"
                    f" stop that, or choose another with --{name}-port {port + 1}."
                ) from None


@dataclass
class Installation:
    """A state folder with a server and one kiosk in it. Everything of it is below `folder`."""

    folder: Path
    ports: dict[str, int]
    window: bool = False
    about: dict[str, Any] = field(default_factory=dict)
    _turn: IO[str] | None = None

    @property
    def server_config(self) -> Path:
        """The server's TOML file."""
        return self.folder / "server.toml"

    @property
    def kiosk_config(self) -> Path:
        """The kiosk's TOML file."""
        return self.folder / "kiosk.toml"

    @property
    def panel(self) -> Path:
        """The socket of the kiosk's simulated buttons and lamps."""
        return self.folder / "kiosk" / "panel.sock"

    @property
    def origin(self) -> str:
        """Where the pages are."""
        return f"http://{HOST}:{self.ports['web']}"

    def claim(self) -> None:
        """Makes the folder and keeps other demos out of it. Raises DemoTrouble."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._turn = (self.folder / "lock").open("w")
        except OSError as error:
            raise DemoTrouble(f"{self.folder} cannot be written: {error.strerror}. Choose another with --state.") from None
        try:
            fcntl.flock(self._turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.release()
            raise DemoTrouble(
                f"A demo already runs in {self.folder}: stop it first, or choose another folder with --state."
            ) from None
        free = shutil.disk_usage(self.folder).free // 2**20
        if free < 200:
            raise DemoTrouble(f"No disk space: {free} MiB are free in {self.folder}, and the demo needs 200.")

    def release(self) -> None:
        """Lets other demos into the folder again; the end of the process does so too."""
        if self._turn is not None:
            self._turn.close()

    def filled(self) -> bool:
        """Whether an earlier start got as far as having all its data."""
        try:
            return bool(json.loads((self.folder / MARKER).read_text())["filled"])
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def remember_filled(self) -> None:
        """Notes that the data are complete, so that the next start keeps them."""
        (self.folder / MARKER).write_text(json.dumps({"filled": True}) + "\n")

    def start_afresh(self) -> None:
        """Removes what an interrupted first start has left: the server's and the kiosk's own folders, nothing else."""
        for name in ("server", "kiosk", "logs"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def fresh_logs(self) -> None:
        """Each run has its own logs; those of the run before stay beside them, so that they never grow for ever."""
        for log in (self.folder / "logs").glob("*.log"):
            log.replace(log.with_name(f"{log.name}.1"))

    def write_configuration(self) -> None:
        """The two TOML files, as a person would write them."""
        ports = self.ports
        (self.folder / "server").mkdir(exist_ok=True)
        (self.folder / "kiosk").mkdir(exist_ok=True)
        self.server_config.write_text(
            "# Written by ./vidhuk demo at every start.\n"
            'state_dir = "server"\n'
            "live_step = 1  # a demonstration: distributions follow every single answer\n\n"
            f'[web]\nlisten = "{HOST}:{ports["web"]}"\n\n'
            f'[door]\nlisten = "{HOST}:{ports["door"]}"\nnames = ["localhost", "{HOST}"]\n\n'
            f'[broker]\nlisten = "{HOST}:{ports["broker"]}"\n'
        )
        self.kiosk_config.write_text(
            "# Written by ./vidhuk demo at every start.\n"
            'state_dir = "kiosk"\n'
            'clock = "trusted"  # the kernel of a container does not say whether its clock is right\n\n'
            + (WINDOW if self.window else '[screen]\nmode = "none"\n\n')
            + '[panel]\nsimulated = "panel.sock"\n'
        )

    # --- the real commands -------------------------------------------------------------------------------------------

    def server(self, *words: str) -> list[str]:
        """A command of the server."""
        return [sys.executable, "-P", "-m", "sync_server", *words, "--config", str(self.server_config)]

    def kiosk(self, *words: str) -> list[str]:
        """A command of the kiosk."""
        return [sys.executable, "-P", "-m", "kiosk", *words, "--config", str(self.kiosk_config)]

    def prepare(self, *words: str) -> dict[str, Any]:
        """Runs workbench.prepare; its progress is shown, its answer returned."""
        said = self.run([sys.executable, "-P", "-m", "workbench.prepare", "--config", str(self.server_config), *words], quiet=False)
        answer: dict[str, Any] = json.loads(said.splitlines()[-1])
        return answer

    def run(self, argv: Sequence[str], *, quiet: bool = True) -> str:
        """Runs a command to its end and returns what it printed. Raises DemoTrouble with its last words."""
        done = subprocess.run(
            ["setpriv", "--pdeathsig", "KILL", "--", *argv],
            env=self.environment(),
            start_new_session=True,  # Ctrl-C is for us: we then end it without its own complaints
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if quiet else None,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            said = ((done.stderr or "") + done.stdout).strip().splitlines()[-8:]
            raise DemoTrouble("\n  ".join([f"`{' '.join(argv[3:6])}` failed (exit code {done.returncode}):", *said]))
        return done.stdout

    def environment(self) -> dict[str, str]:
        """The environment of the demo's children: this checkout's packages, nobody else's database."""
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        env.pop("DATABASE_URL", None)
        return env

    def start_server(self, household: Household) -> Child:
        """Starts the server and waits until its pages answer."""
        child = household.start(
            Child("The server", self.server("run"), log=self.folder / "logs" / "server.log", env=self.environment())
        )
        self.wait(household, self.pages_answer, "the server's pages answer")
        return child

    def set_up(self, *, samples: bool) -> None:
        """Configuration, tables, courts, sign-in and, where asked and missing, samples. Quick when all is there already."""
        self.write_configuration()
        self.run(self.server("init"))
        self.about = self.prepare("set-up", *(["--samples"] if samples else []))

    def enrolled(self) -> bool:
        """Whether the kiosk has an identity that leads to this broker; with another port it must be told anew."""
        return self.identity().get("broker_port") == self.ports["broker"]

    def require_delivered(self) -> None:
        """Raises DemoTrouble if the kiosk must be enrolled anew, for another port, and still holds what the server lacks.

        To the server it would be another device, and what the present one holds would never arrive.
        """
        known = self.identity()
        if not known or self.enrolled():
            return
        try:
            standing = look(self.folder / "kiosk", str(known["device"]))
        except (KioskError, Unreadable) as fault:
            raise DemoTrouble(f"{fault} Or choose another folder with --state.") from None
        if standing is not None and standing.undelivered:
            raise DemoTrouble(
                f"The demo's kiosk still holds what it has not delivered (entries: {standing.undelivered}) and knows its server at"
                f" port {known['broker_port']}: start once more with --broker-port {known['broker_port']},"
                " or choose another folder with --state."
            )

    def identity(self) -> dict[str, Any]:
        """What the kiosk was told at its enrolment; empty before."""
        try:
            known: dict[str, Any] = json.loads((self.folder / "kiosk" / "identity" / "identity.json").read_text())
        except (OSError, ValueError):
            return {}
        return known

    def device(self) -> str:
        """The kiosk's device id."""
        return str(self.identity()["device"])

    def enrol(self) -> None:
        """Enrols the kiosk by the real path: a one-time code from the server, typed on the device. The server must run."""
        given = json.loads(self.run(self.server("enrol-code", "--exit", str(self.about["exit"]), "--json")))
        words = ("--server", given["server"], "--fingerprint", given["fingerprint"], "--code", given["code"])
        self.run(self.kiosk("enrol", *words))

    def start_kiosk(self, household: Household) -> Child:
        """Starts the kiosk, with its window where one was asked for, and waits for its panel."""
        self.panel.unlink(missing_ok=True)
        words = ("run",) if self.window else ("run", "--headless")
        child = household.start(
            Child("The kiosk", self.kiosk(*words), log=self.folder / "logs" / "kiosk.log", env=self.environment())
        )
        self.wait(household, self.panel.exists, "the kiosk is ready for visitors")
        return child

    def pages_answer(self) -> bool:
        """Whether the web process answers."""
        try:
            return requests.get(f"{self.origin}/alive", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def wait(self, household: Household, probe: Any, what: str) -> None:
        """Waits for `probe()`; a child that ends meanwhile, or too long a wait, is DemoTrouble or ChildFailed."""
        deadline = time.monotonic() + START_S
        while not probe():
            household.check()
            if time.monotonic() > deadline:
                words = "\n".join(child.last_words() for child in household.children)
                raise DemoTrouble(f"Not within {START_S:.0f} s: {what}. Last words:\n{words}")
            time.sleep(0.05)
