"""First contact: makes the virtual environment and installs the Debian packages that one command needs, then starts it.

Runs on the system's Python with the standard library only, and is written so that an old Python can still read it far
enough to say in one sentence what is wrong. What it installs is decided by two tables, LOCKS and DEBIAN; a stamp inside
the environment holds each lock's SHA-256, so that the second start does nothing. It never touches anything outside the
checkout except by apt-get.
"""

import sys

if sys.version_info < (3, 11):
    sys.stderr.write(
        "Vidhuk needs Python 3.11 or newer; this is Python %d.%d."
        " On Debian 12: sudo apt-get install python3 python3-venv\n" % (sys.version_info[0], sys.version_info[1])
    )
    sys.exit(1)

import fcntl
import hashlib
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable

COMMANDS = {
    "demo": "broker, server, one kiosk and six invented courts on this machine; --smoke N for a quick proof",
    "test": "lint and every test; what is given after it goes to pytest",
    "lint": "ruff, mypy --strict and the import contracts",
    "kiosk": "one kiosk from a TOML file",
    "server": "the server, or one part of it, from a TOML file",
    "bench": "benchmarks: `bench list`, `bench NAME [--json]`",
    "docs": "the documents, and pictures of every screen",
}

# Which lock each command is installed from, and which larger locks also contain it.
LOCKS = {
    "demo": "run",
    "bench": "run",
    "bench mutants": "test",
    "kiosk": "kiosk",
    "server": "server",
    "test": "test",
    "lint": "test",
    "docs": "run",
}
CONTAINED_IN = {"kiosk": ("run", "test"), "server": ("run", "test"), "run": ("test",), "test": ()}

# Free space each environment needs while pip unpacks it, in MiB (measured on amd64, rounded up by a third).
SPACE = {"kiosk": 500, "server": 700, "run": 900, "test": 1600}

WINDOW = ("libgl1", "libegl1", "libgl1-mesa-dri", "libmtdev1")
SOUND = ("alsa-utils",)  # aplay
COMPILER = ("gcc", "libc6-dev", "libsqlite3-dev")  # disks that lose what was not synced, for simulation and power cuts
SPEECH = ("espeak-ng",)  # makes the voices, on the server
BROWSER_AND_DISPLAY = ("xvfb", "xdotool", "x11-apps", "chromium", "libatomic1")
DEBIAN = {
    "demo": ("mosquitto",) + SPEECH + SOUND,
    "bench": ("mosquitto",),
    "bench kiosk": WINDOW + BROWSER_AND_DISPLAY + SPEECH + SOUND,
    "bench soak": WINDOW + BROWSER_AND_DISPLAY + SPEECH + SOUND,
    "bench simulate": COMPILER,
    "bench cuts": COMPILER,
    "bench mutants": ("postgresql",) + COMPILER,
    "kiosk": SOUND,
    "server": ("mosquitto",) + SPEECH,
    "test": ("mosquitto", "postgresql", "gettext") + COMPILER + SPEECH + SOUND + WINDOW + BROWSER_AND_DISPLAY,
    "lint": (),
    "docs": (),
    "docs screens": WINDOW + ("xvfb",),
    "docs assets": ("librsvg2-bin",),
}

HEARTBEAT_S = 10  # without a terminal, one line this often says that a long step is alive
NO_NETWORK = re.compile(
    r"name resolution|Name or service not known|Could not resolve|Temporary failure resolving|Network is unreachable"
    r"|NewConnectionError|Max retries exceeded|Connection refused|No route to host|ConnectTimeout|Connection timed out"
    r"|Failed to fetch|Unable to connect",
    re.IGNORECASE,
)
NO_SPACE = re.compile(r"No space left on device|not enough free space|Errno 28", re.IGNORECASE)


class Trouble(Exception):
    """One sentence that says what is wrong and what to do."""


class Progress:
    """Plain words on standard error: rewritten in place on a terminal, a line now and then without one."""

    def __init__(self) -> None:
        self.terminal = sys.stderr.isatty()
        self.spoken = 0.0

    def say(self, text: str) -> None:
        if self.terminal:
            sys.stderr.write("\r\x1b[K")
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
        self.spoken = time.monotonic()

    def now(self, text: str) -> None:
        if self.terminal:
            width = shutil.get_terminal_size().columns
            sys.stderr.write("\r\x1b[K  " + text[: max(10, width - 4)])
            sys.stderr.flush()
        elif time.monotonic() - self.spoken >= HEARTBEAT_S:
            self.say("  " + text)

    def clear(self) -> None:
        if self.terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def run_visibly(argv: list[str], progress: Progress, first: str, describe: Callable[[str], str]) -> tuple[int, str]:
    """Runs a long command and returns (exit code, whole output).

    Meanwhile people are shown what `describe(line)` made of its newest line that said something, and `first` before that.
    """
    try:
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace",
        )  # fmt: skip
    except OSError as error:
        raise Trouble("%s could not be started: %s." % (argv[0], error.strerror)) from None
    lines: list[str] = []
    current = [first]
    began = time.monotonic()
    done = threading.Event()

    def beat() -> None:
        while not done.wait(0.5):
            progress.now("%s (%d s)" % (current[0], time.monotonic() - began))

    watcher = threading.Thread(target=beat, daemon=True)
    watcher.start()
    try:
        for line in child.stdout or ():
            lines.append(line)
            current[0] = describe(line.strip()) or current[0]
        code = child.wait()
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        raise
    finally:
        if child.stdout:
            child.stdout.close()
        done.set()
        watcher.join()
        progress.clear()
    return code, "".join(lines)


def explain(what: str, output: str, tool: str) -> Trouble:
    """The one sentence for a failed installation, with the tool's own last words when the reason is not a known one."""
    if NO_SPACE.search(output):
        return Trouble("No disk space left while installing %s: free some and start again." % what)
    if NO_NETWORK.search(output):
        return Trouble("No network: %s could not be downloaded. Connect this machine and start again." % what)
    tail = [line.strip() for line in output.splitlines() if line.strip()][-6:]
    return Trouble("%s could not be installed. %s said:\n  %s" % (what[0].upper() + what[1:], tool, "\n  ".join(tail)))


def require_space(folder: pathlib.Path, mebibytes: int) -> None:
    free = shutil.disk_usage(folder).free // (1024 * 1024)
    if free < mebibytes:
        raise Trouble("Not enough disk space: %d MiB are free in %s and about %d MiB are needed." % (free, folder, mebibytes))


# --- Debian packages ---------------------------------------------------------------------------------------


def wanted_packages(command: str, arguments: list[str]) -> list[str]:
    """Debian packages this command needs; the demo's window needs its libraries only where there is a display."""
    wanted = list(DEBIAN[command])
    for word in arguments[:1]:
        wanted += DEBIAN.get(command + " " + word, ())
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    windowless = any(word.startswith(("--smoke", "--headless")) for word in arguments)
    if command in ("demo", "kiosk") and display and not windowless:
        wanted += WINDOW
    if importlib.util.find_spec("ensurepip") is None:
        wanted.append("python3-venv")
    return wanted


def missing_packages(wanted: list[str]) -> list[str]:
    """The wanted ones that dpkg does not have installed; none on a machine that is not a Debian."""
    if not wanted or not shutil.which("dpkg-query"):
        return []
    shown = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n"] + wanted,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    installed = {line.split()[0] for line in shown.stdout.splitlines() if line.endswith(" installed")}
    return [name for name in wanted if name not in installed]


def as_administrator() -> list[str] | None:
    """The words to put before apt-get: none for root, sudo where it asks nothing, None where it would ask."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        asked = subprocess.run(["sudo", "-n", "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if asked.returncode == 0:
            return ["sudo", "-n"]
    return None


def install_packages(missing: list[str], progress: Progress) -> None:
    paste = "sudo apt-get update && sudo apt-get install --no-install-recommends " + " ".join(missing)
    prefix = as_administrator()
    if prefix is None or not shutil.which("apt-get"):
        raise Trouble("These Debian packages are missing; paste this line, then start again:\n  " + paste)
    progress.say("Installing Debian packages: " + " ".join(missing))
    # RUNLEVEL=1: where no systemd runs (a container, a chroot), Debian's scripts then do not start services there.
    environment = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "LC_ALL=C.UTF-8"]

    def apt(*words: str) -> tuple[int, str]:
        command = prefix + environment + ["apt-get", "-q", "-y"] + list(words)
        return run_visibly(command, progress, "asking Debian's package servers", describe_apt)

    install = ("-o", "Dpkg::Use-Pty=0", "install", "--no-install-recommends") + tuple(missing)
    lists = pathlib.Path("/var/lib/apt/lists")
    fresh = any(lists.glob("*_Packages*")) if lists.is_dir() else False
    code, output, updated = 100, "", ""
    if fresh:
        code, output = apt(*install)
    if code != 0 and not NO_SPACE.search(output):  # no lists yet, or lists so old that their files are gone
        _, updated = apt("update")
        code, output = apt(*install)
    still = missing_packages(missing)
    if still:
        # Without a network apt-get updates "successfully", with warnings, and then knows no package.
        said = updated + output if "Unable to locate package" in output else output
        raise explain("the Debian packages " + " ".join(still), said, "apt-get")
    if "mosquitto" in missing and os.path.isdir("/run/systemd/system"):
        progress.say(
            "  Debian starts mosquitto as a service too. Vidhuk runs one of its own and does not use that one;"
            " `systemctl disable --now mosquitto` stops it."
        )


def describe_apt(line: str) -> str:
    """Which package apt-get is busy with; nothing for lines that do not say so."""
    # Get:3 http://… bookworm/main amd64 mosquitto amd64 2.0.11 [274 kB]
    # Unpacking mosquitto (2.0.11) ...
    # Setting up mosquitto (2.0.11) ...
    words = line.split()
    for start, plain, column in (("Get:", "downloading", 4), ("Unpacking ", "unpacking", 1), ("Setting up ", "setting up", 2)):
        if line.startswith(start) and len(words) > column:
            return "%s %s" % (plain, words[column])
    return ""


# --- The virtual environment -----------------------------------------------------------------------------------


def digest(lock_file: pathlib.Path) -> str:
    return hashlib.sha256(lock_file.read_bytes() + repr(sys.version_info[:2]).encode()).hexdigest()


class Environment:
    """The checkout's `.venv`, and the stamp that says which locks it was filled from."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.python = self.folder / "bin" / "python"
        self.stamp = self.folder / "vidhuk-locks.json"

    def lock(self, name: str) -> pathlib.Path:
        return self.root / "deploy" / "locks" / (name + ".txt")

    def stamps(self) -> dict[str, str]:
        try:
            held = json.loads(self.stamp.read_text())
        except (OSError, ValueError):
            return {}
        return held if isinstance(held, dict) else {}

    def usable(self) -> bool:
        """Whether `.venv` still starts, has pip, and is of this Python: a copied or half-made one is not."""
        if not os.access(str(self.python), os.X_OK):
            return False
        probe = "import pip, sys; sys.exit(sys.version_info[:2] != %r)" % (sys.version_info[:2],)
        asked = subprocess.run([str(self.python), "-c", probe], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return asked.returncode == 0

    def ready(self, name: str) -> bool:
        if not os.access(str(self.python), os.X_OK):
            return False
        held = self.stamps()
        return any(held.get(known) == digest(self.lock(known)) for known in (name,) + CONTAINED_IN[name])

    def fill(self, name: str, progress: Progress) -> None:
        lock_file = self.lock(name)
        total = len(re.findall(r"^[A-Za-z0-9]", lock_file.read_text(), re.MULTILINE))
        require_space(self.root, SPACE[name])
        if not self.usable():
            progress.say("Making the virtual environment .venv")
            code, output = run_visibly(
                [sys.executable, "-m", "venv", "--clear", str(self.folder)], progress, "making .venv", lambda line: ""
            )
            if code != 0:
                shutil.rmtree(str(self.folder), ignore_errors=True)
                if "ensurepip" in output:
                    raise Trouble("Python's venv module is missing. On Debian: sudo apt-get install python3-venv")
                raise explain("the virtual environment", output, "Python")
        progress.say("Installing up to %d Python packages from deploy/locks/%s.txt" % (total, name))
        seen: set[str] = set()

        def describe(line: str) -> str:
            for word in ("Collecting ", "Requirement already satisfied: "):
                if line.startswith(word):
                    seen.add(re.split(r"[=<>~! ]", line[len(word) :])[0])
                    return "package %d of %d: %s" % (len(seen), total, line[len(word) :].split(" ", maxsplit=1)[0])
            if line.startswith("Installing collected"):
                return "unpacking %d packages" % (line.count(",") + 1)
            return ""

        code, output = run_visibly(
            [str(self.python), "-m", "pip", "install", "--require-hashes", "--no-input", "--disable-pip-version-check",
             "--no-warn-script-location", "--progress-bar", "off", "--retries", "3", "-r", str(lock_file)],
            progress, "asking the package index", describe,
        )  # fmt: skip
        if code != 0:
            raise explain("the Python packages", output, "pip")
        held = self.stamps()
        held[name] = digest(lock_file)
        waiting = self.stamp.with_suffix(".new")
        waiting.write_text(json.dumps(held, indent=1) + "\n")
        os.replace(str(waiting), str(self.stamp))


# --- One start ---------------------------------------------------------------------------------------------


def overview() -> str:
    width = max(len(name) for name in COMMANDS)
    rows = "\n".join("  ./vidhuk %s  %s" % (name.ljust(width), text) for name, text in COMMANDS.items())
    return (
        "Vidhuk: a court hears everyone who leaves its building.\n\n%s\n\n"
        "Each has its own --help. The first start of a command installs what it needs: Python packages into .venv\n"
        "beside this file, Debian packages by apt-get.\n" % rows
    )


def prepare(command: str, arguments: list[str], environment: Environment, progress: Progress) -> None:
    """Installs whatever `command` lacks. A second caller waits for the first."""
    root = environment.root
    lock_name = LOCKS.get(" ".join([command] + arguments[:1]), LOCKS[command])
    missing = missing_packages(wanted_packages(command, arguments))
    if not missing and environment.ready(lock_name):
        return
    (root / "var").mkdir(exist_ok=True)
    with open(str(root / "var" / "setup.lock"), "w") as turn:
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            progress.say("Another ./vidhuk is installing here; waiting for it.")
            fcntl.flock(turn, fcntl.LOCK_EX)
        began = time.monotonic()
        missing = missing_packages(missing)
        if missing:
            install_packages(missing, progress)
        if not environment.ready(lock_name):
            environment.fill(lock_name, progress)
        progress.say("Everything `./vidhuk %s` needs is installed (%d s)." % (command, time.monotonic() - began))


def main(argv: list[str]) -> int:
    root = pathlib.Path(argv[0])
    words = argv[1:]
    if not words or words[0] in ("-h", "--help", "help"):
        sys.stdout.write(overview())
        return 0
    command, arguments = words[0], words[1:]
    if command not in COMMANDS:
        sys.stderr.write("There is no command %r. `./vidhuk --help` lists them.\n" % command)
        return 2
    environment = Environment(root)
    # What imports only the standard library can help at once; the others must be installed first.
    own = command in ("demo", "test", "lint") or (command == "docs" and arguments[:1] in (["-h"], ["--help"]))
    asks_for_help = own and bool({"-h", "--help"} & set(arguments))
    python = sys.executable
    progress = Progress()
    try:
        if not asks_for_help:
            prepare(command, arguments, environment, progress)
            python = str(environment.python)
    except Trouble as trouble:
        progress.clear()
        sys.stderr.write("%s\n" % trouble)
        return 1
    except OSError as error:
        progress.clear()
        if error.errno == 28:
            sys.stderr.write("No disk space left: free some and start again.\n")
        else:
            sys.stderr.write("Setting up failed: %s.\n" % error)
        return 1
    except KeyboardInterrupt:
        progress.clear()
        sys.stderr.write("Stopped. Start again to go on where it was.\n")
        return 130
    known = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(root) + (os.pathsep + known if known else "")
    sys.stdout.flush()
    os.execv(python, [python, "-P", "-m", "workbench", command] + arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
