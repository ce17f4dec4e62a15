"""The rooms import in one direction only, and the contracts that say so do bite."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("wire", "kiosk", "sync_server", "workbench")
# The import contract names only modules that exist; suppression.py is held to it from the day it does.
ARITHMETIC = [name for name in ("statistics", "suppression") if (ROOT / f"sync_server/results/{name}.py").exists()]
LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", LINT_IMPORTS], cwd=root, env={"PYTHONPATH": str(root)}, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python files of the checkout, to break."""
    root = tmp_path_factory.mktemp("copy")
    shutil.copy(ROOT / "pyproject.toml", root)
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            target = root / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    return root


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add((node.module or "").partition(".")[0])
    return names


def test_the_rooms_import_only_what_they_may() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", sorted(path.stem for path in (ROOT / "wire").glob("*.py")))
def test_wire_names_only_msgspec_and_the_standard_library(module: str) -> None:
    assert imported(ROOT / "wire" / f"{module}.py") <= {"wire", "msgspec", *sys.stdlib_module_names}


@pytest.mark.parametrize("module", ARITHMETIC)
def test_statistics_and_suppression_name_no_django(module: str) -> None:
    assert not {"django", "sync_server"} & imported(ROOT / "sync_server" / "results" / f"{module}.py")


VIOLATIONS = [
    ("wire/events.py", "import cryptography", "wire stands on msgspec"),
    ("wire/events.py", "import kiosk.core", "wire stands on msgspec"),
    ("kiosk/core/visit/__init__.py", "import time", "The kiosk's core is pure"),
    ("kiosk/core/visit/__init__.py", "import socket", "The kiosk's core is pure"),
    ("kiosk/core/visit/__init__.py", "import kiosk.ledger", "Kiosk: wire <- core"),
    ("kiosk/links/__init__.py", "import kiosk.ledger", "Kiosk: wire <- core"),
    ("kiosk/links/__init__.py", "import sync_server.ingest", "kiosk and sync_server never import each other"),
    ("sync_server/ingest/__init__.py", "import kiosk.core", "kiosk and sync_server never import each other"),
    ("sync_server/courts/__init__.py", "import sync_server.ingest", "Server: each room imports only the rooms below"),
    ("sync_server/results/__init__.py", "import sync_server.gateway", "Server: each room imports only the rooms below"),
    ("sync_server/keeping/__init__.py", "import sync_server.commands", "Rooms know the server's configuration and nothing else"),
    ("sync_server/results/statistics.py", "import django", "Arithmetic imports no Django"),
    ("kiosk/workers/__init__.py", "import paho.mqtt.client", "Only links/mqtt.py and the gateway name paho"),
    ("sync_server/ingest/__init__.py", "import paho.mqtt.client", "Only links/mqtt.py and the gateway name paho"),
    ("kiosk/core/visit/__init__.py", "import gpiozero", "Only inputs/, outputs/lamps.py and outputs/buzzer.py name gpiozero"),
    ("kiosk/inputs/__init__.py", "import kivy", "Only screen/ names Kivy"),
    ("kiosk/workers/__init__.py", "import requests", "Only links/https.py and the enrolment client name requests"),
    ("kiosk/core/visit/__init__.py", "import workbench", "Nothing that is shipped imports the workbench"),
]


@pytest.mark.parametrize("file, line, contract", VIOLATIONS)
def test_a_forbidden_import_is_caught_by_name(copy: Path, file: str, line: str, contract: str) -> None:
    path = copy / file
    path.touch()
    whole = path.read_text()
    path.write_text(f"{whole}\n{line}\n")
    try:
        done = lint_imports(copy)
    finally:
        path.write_text(whole)
    said = " ".join(done.stdout.split())
    assert done.returncode == 1, said
    assert contract in said[said.index("Broken contracts") :]
