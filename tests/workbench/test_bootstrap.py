"""The first contact: one clear sentence for each thing that can be missing, and nothing done twice."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from workbench import bootstrap
from workbench.ports import free_port

ROOT = Path(__file__).resolve().parents[2]


def run(argv: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(argv, env={**env, **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that has the launcher and the bootstrap, and whose every lock asks for one package that no index has."""
    root = tmp_path / "checkout"
    (root / "deploy" / "locks").mkdir(parents=True)
    shutil.copytree(ROOT / "workbench", root / "workbench")
    shutil.copy(ROOT / "vidhuk", root)
    for name in ("run", "kiosk", "server", "test"):
        (root / "deploy" / "locks" / f"{name}.txt").write_text(f"no-such-vidhuk-package==1.0 --hash=sha256:{'0' * 64}\n")
    return root


def only_with(folder: Path, python: str | None) -> str:
    """A PATH with the launcher's few tools and, as python3, the given script."""
    folder.mkdir()
    for tool in ("sh", "dirname", "readlink"):
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    if python is not None:
        (folder / "python3").write_text(python)
        (folder / "python3").chmod(0o755)
    return str(folder)


def test_the_overview_names_every_command() -> None:
    for words in ([], ["--help"], ["-h"], ["help"]):
        done = run([str(ROOT / "vidhuk"), *words])
        assert done.returncode == 0
        for command in ("demo", "test", "kiosk", "server", "bench", "lint", "docs"):
            assert f"./vidhuk {command} " in done.stdout


def test_an_unknown_command_is_one_sentence() -> None:
    done = run([str(ROOT / "vidhuk"), "dance"])
    assert done.returncode == 2
    assert done.stderr == "There is no command 'dance'. `./vidhuk --help` lists them.\n"


def test_an_old_python_is_one_sentence(tmp_path: Path) -> None:
    old = '#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\nexit 1\n'
    done = run([str(ROOT / "vidhuk"), "demo"], PATH=only_with(tmp_path / "bin", old))
    assert done.returncode == 1
    assert done.stderr.startswith("Vidhuk needs Python 3.11 or newer; this machine has Python 3.9.2.")
    assert done.stderr.count("\n") == 1


def test_no_python_is_one_sentence(tmp_path: Path) -> None:
    done = run([str(ROOT / "vidhuk"), "demo"], PATH=only_with(tmp_path / "bin", None))
    assert done.returncode == 1
    assert done.stderr.startswith("Vidhuk needs Python 3.11 or newer and found none.")
    assert done.stderr.count("\n") == 1


def test_the_launcher_works_through_a_link_and_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(ROOT / "vidhuk")
    done = subprocess.run([str(tmp_path / "link"), "--help"], cwd="/", capture_output=True, text=True)
    assert done.stdout.startswith("Vidhuk")


@pytest.mark.parametrize("command", ["demo", "test", "lint", "docs"])
def test_help_comes_without_installing_anything(checkout: Path, command: str) -> None:
    done = run([str(checkout / "vidhuk"), command, "--help"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: ./vidhuk {command}")
    assert not (checkout / ".venv").exists()


def test_no_network_is_one_sentence(checkout: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/simple"
    done = run(
        [str(checkout / "vidhuk"), "lint"],
        PIP_INDEX_URL=nowhere,
        PIP_EXTRA_INDEX_URL="",
        PIP_CONFIG_FILE=os.devnull,
        PIP_FIND_LINKS="",
        PIP_NO_INDEX="0",
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "No network: the Python packages could not be downloaded. Connect this machine and start again."
    )
    assert done.stdout == ""


def test_a_package_that_no_index_has_is_not_called_a_network_fault(checkout: Path) -> None:
    done = run([str(checkout / "vidhuk"), "lint"], PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)
    assert done.returncode == 1
    assert "The Python packages could not be installed. pip said:" in done.stderr
    assert "no-such-vidhuk-package" in done.stderr


def test_no_disk_space_is_one_sentence(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free=100 * 1024 * 1024))
    with pytest.raises(bootstrap.Trouble, match=r"Not enough disk space: 100 MiB are free in .* about 1600 MiB are needed\."):
        bootstrap.Environment(checkout).fill("test", bootstrap.Progress())
    assert not (checkout / ".venv").exists()


def finishes_with(code: int, output: str) -> Callable[..., tuple[int, str]]:
    return lambda *_: (code, output)


def test_a_full_disk_while_installing_is_one_sentence(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.Environment, "usable", lambda _: True)
    monkeypatch.setattr(bootstrap, "run_visibly", finishes_with(1, "ERROR: [Errno 28] No space left on device\n"))
    with pytest.raises(bootstrap.Trouble, match=r"^No disk space left while installing the Python packages"):
        bootstrap.Environment(checkout).fill("run", bootstrap.Progress())


def test_a_missing_venv_module_is_one_sentence(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "The virtual environment was not created successfully because ensurepip is not available."
    monkeypatch.setattr(bootstrap, "run_visibly", finishes_with(1, said))
    with pytest.raises(bootstrap.Trouble, match=r"^Python's venv module is missing\."):
        bootstrap.Environment(checkout).fill("run", bootstrap.Progress())


def with_python(root: Path) -> bootstrap.Environment:
    environment = bootstrap.Environment(root)
    environment.python.parent.mkdir(parents=True)
    environment.python.symlink_to(sys.executable)
    return environment


def test_an_environment_is_ready_until_its_lock_changes(checkout: Path) -> None:
    environment = with_python(checkout)
    assert not environment.ready("run")
    environment.stamp.write_text(json.dumps({"run": bootstrap.digest(environment.lock("run"))}))
    assert environment.ready("run")
    with environment.lock("run").open("a") as lock:
        lock.write("another==1.0\n")
    assert not environment.ready("run")


def test_the_test_environment_serves_every_command(checkout: Path) -> None:
    environment = with_python(checkout)
    environment.stamp.write_text(json.dumps({"test": bootstrap.digest(environment.lock("test"))}))
    assert all(environment.ready(lock) for lock in bootstrap.LOCKS.values())


def test_the_demo_environment_does_not_serve_the_tests(checkout: Path) -> None:
    environment = with_python(checkout)
    environment.stamp.write_text(json.dumps({"run": bootstrap.digest(environment.lock("run"))}))
    assert environment.ready("kiosk")
    assert not environment.ready("test")


@pytest.mark.parametrize("stamp", ["", "{", "[]", '"x"'])
def test_a_broken_stamp_means_not_ready(checkout: Path, stamp: str) -> None:
    environment = with_python(checkout)
    environment.stamp.write_text(stamp)
    assert not environment.ready("run")


def test_a_ready_start_is_silent_and_hands_the_arguments_over(checkout: Path) -> None:
    environment = with_python(checkout)
    environment.stamp.write_text(json.dumps({"test": bootstrap.digest(environment.lock("test"))}))
    (checkout / "workbench" / "__main__.py").write_text("import sys; print(sys.argv[1:])\n")
    done = run([str(checkout / "vidhuk"), "lint", "--one", "two words"])
    assert done.stderr == ""
    assert done.stdout == "['lint', '--one', 'two words']\n"


def test_installed_debian_packages_are_told_from_missing_ones() -> None:
    assert bootstrap.missing_packages(["dpkg", "no-such-vidhuk-package"]) == ["no-such-vidhuk-package"]


def test_without_leave_to_install_the_missing_packages_are_one_line_to_paste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "as_administrator", lambda: None)
    with pytest.raises(bootstrap.Trouble) as trouble:
        bootstrap.install_packages(["mosquitto", "libgl1"], bootstrap.Progress())
    assert str(trouble.value).splitlines()[1].strip() == (
        "sudo apt-get update && sudo apt-get install --no-install-recommends mosquitto libgl1"
    )


class AptGet:
    """Answers in place of apt-get: (exit code, output) by its command, and remembers what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: tuple[int, str]) -> None:
        self.asked: list[str] = []
        self.answers = answers
        monkeypatch.setattr(bootstrap, "as_administrator", list)
        monkeypatch.setattr(bootstrap, "missing_packages", lambda wanted: wanted)
        monkeypatch.setattr(bootstrap, "run_visibly", self.run)

    def run(self, argv: list[str], *_: object) -> tuple[int, str]:
        self.asked.append("update" if "update" in argv else "install")
        return self.answers[self.asked[-1]]


def test_no_network_for_debian_packages_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    apt = AptGet(
        monkeypatch,
        update=(0, "W: Failed to fetch http://a.example/InRelease  Temporary failure resolving 'a.example'\n"),
        install=(100, "E: Unable to locate package mosquitto\n"),
    )
    with pytest.raises(bootstrap.Trouble, match=r"^No network: the Debian packages mosquitto could not be downloaded\."):
        bootstrap.install_packages(["mosquitto"], bootstrap.Progress())
    assert apt.asked[-2:] == ["update", "install"]


def test_what_apt_get_refuses_for_another_reason_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    AptGet(
        monkeypatch,
        update=(100, "E: Failed to fetch http://third-party.example/InRelease\n"),
        install=(100, "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7\n"),
    )
    with pytest.raises(bootstrap.Trouble, match="apt-get said:\n  E: Could not get lock"):
        bootstrap.install_packages(["mosquitto"], bootstrap.Progress())


def test_windows_libraries_are_wanted_only_where_a_window_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    assert "libgl1" not in bootstrap.wanted_packages("demo", [])
    monkeypatch.setenv("DISPLAY", ":0")
    assert "libgl1" in bootstrap.wanted_packages("demo", [])
    assert "libgl1" not in bootstrap.wanted_packages("demo", ["--smoke", "20"])


def test_every_command_of_the_overview_has_its_lock_and_packages() -> None:
    assert {name for name in bootstrap.LOCKS if " " not in name} == bootstrap.COMMANDS.keys()
    assert {name.partition(" ")[0] for name in bootstrap.LOCKS} == bootstrap.COMMANDS.keys()
    assert {name.partition(" ")[0] for name in bootstrap.DEBIAN} == bootstrap.COMMANDS.keys()
    assert set(bootstrap.LOCKS.values()) <= set(bootstrap.SPACE)


@pytest.mark.parametrize(
    "line, plain",
    [
        ("Get:3 http://a.example/debian bookworm/main amd64 mosquitto amd64 2.0.11 [274 kB]", "downloading mosquitto"),
        ("Unpacking mosquitto (2.0.11-1.2) ...", "unpacking mosquitto"),
        ("Setting up mosquitto (2.0.11-1.2) ...", "setting up mosquitto"),
        ("Reading package lists...", ""),
        ("Unpacking", ""),
        ("", ""),
    ],
)
def test_what_apt_get_is_busy_with_is_said_in_plain_words(line: str, plain: str) -> None:
    assert bootstrap.describe_apt(line) == plain


def test_a_long_step_without_a_terminal_says_now_and_then_that_it_is_alive(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "HEARTBEAT_S", 0)
    script = "echo Unpacking mosquitto; sleep 1.2; exit 3"
    code, output = bootstrap.run_visibly(["sh", "-c", script], bootstrap.Progress(), "starting", lambda line: line.lower())
    assert (code, output) == (3, "Unpacking mosquitto\n")
    said = capfd.readouterr().err.splitlines()
    assert said
    assert all(line.startswith("  unpacking mosquitto (") for line in said)
