"""The four locks pin everything pyproject.toml asks for, with hashes, agree with one another and name no index."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("run", "kiosk", "server", "test")
# Which parts of pyproject.toml each lock is solved from.
SOLVED_FROM = {
    "kiosk": ("kiosk",),
    "server": ("server",),
    "run": ("kiosk", "server"),
    "test": ("kiosk", "server", "group:test"),
}


def text_of(lock: str) -> str:
    return (ROOT / "deploy" / "locks" / f"{lock}.txt").read_text()


def pins_of(lock: str) -> dict[str, Version]:
    """{package: version}; a package pinned twice for different machines keeps the pin for this one."""
    pins = {}
    for line in text_of(lock).splitlines():
        if line and not line.startswith((" ", "#")):
            requirement = Requirement(line.rstrip(" \\"))
            (specifier,) = requirement.specifier
            assert specifier.operator == "==", line
            if requirement.marker is None or requirement.marker.evaluate():
                pins[canonicalize_name(requirement.name)] = Version(specifier.version)
    return pins


def asked_of(lock: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = list(project["project"]["dependencies"])
    for part in SOLVED_FROM[lock]:
        if part.startswith("group:"):
            asked += project["dependency-groups"][part.removeprefix("group:")]
        else:
            asked += project["project"]["optional-dependencies"][part]
    return [Requirement(line) for line in asked]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_what_pyproject_asks_for_within_its_bounds(lock: str) -> None:
    pins = pins_of(lock)
    for requirement in asked_of(lock):
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{lock}.txt lacks {name}: run ./deploy/locks/compile"
        assert pins[name] in requirement.specifier, f"{lock}.txt pins {name} {pins[name]}, pyproject asks {requirement}"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_carries_hashes(lock: str) -> None:
    lines = text_of(lock).splitlines()
    for number, line in enumerate(lines):
        if line and not line.startswith((" ", "#")):
            assert re.match(r"    --hash=sha256:[0-9a-f]{64}", lines[number + 1]), f"{lock}.txt: {line} has no hash"


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_an_index(lock: str) -> None:
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|file:", text_of(lock))


@pytest.mark.parametrize("smaller, larger", [("kiosk", "run"), ("server", "run"), ("run", "test")])
def test_the_larger_lock_contains_the_smaller_one_version_for_version(smaller: str, larger: str) -> None:
    outer = pins_of(larger)
    assert {name: outer.get(name) for name in pins_of(smaller)} == pins_of(smaller)
