"""Whole worlds from seeds: what was thanked is neither lost nor counted twice, runs can be repeated, what is broken is noticed."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from workbench.installation import ROOT
from workbench.simulation.faults import MET
from workbench.simulation.run import MEMORY, Tally, many, told

SEEDS = range(1, 251)
"""`./vidhuk bench simulate --seeds 10000` runs more."""
RUN = """
import json, sys
from workbench.simulation.run import one
surely, enough, *seeds = sys.argv[1:]
outcomes = []
for seed in seeds:
    outcomes.append(one(int(seed), surely=surely.split(",")))
    if enough and any(enough in failure for failure in outcomes[-1].failures):
        break
print(json.dumps([(outcome.digest, outcome.failures) for outcome in outcomes]))
"""


def run(tree: Path, *seeds: int, surely: str = "", enough: str = "") -> list[tuple[str, list[str]]]:
    """(digest, failures) of `seeds`, run by the code in `tree`, up to one that fails with words in which `enough` stands.

    The faults `surely` happen in each of them.
    """
    argv = [sys.executable, "-c", RUN, surely, enough, *map(str, seeds)]
    done = subprocess.run(argv, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return [(digest, failures) for digest, failures in json.loads(done.stdout.splitlines()[-1])]


@pytest.fixture(scope="module")
def tally() -> Tally:
    found = Tally()
    for outcome in many(SEEDS, jobs=2):
        found.add(outcome)
    return found


def test_whatever_happens_what_was_thanked_is_stored_and_counted_exactly_once(tally: Tally) -> None:
    assert tally.seeds == len(SEEDS)
    assert not tally.failed, "\n\n".join(told(outcome) for outcome in tally.failed[:3])


def test_every_kind_of_fault_is_met(tally: Tally) -> None:
    assert [kind for kind in MET if not tally.met[kind]] == []


def test_enough_is_thanked_refused_and_lost_for_the_check_to_mean_something(tally: Tally) -> None:
    assert tally.figures["promises"] > 20 * len(SEEDS)
    assert tally.figures["kept"] > tally.figures["promises"]
    assert tally.figures["refused"] > 0
    assert tally.figures["unknown"] > 0
    assert 0 < tally.figures["lost"] < tally.figures["kept"] // 20


def test_the_same_seed_is_the_same_run_in_any_process() -> None:
    first, second = run(ROOT, 3, 4), run(ROOT, 4, 3)
    assert first == second[::-1]
    assert first[0][0] != first[1][0]


@pytest.fixture
def tree() -> Iterator[Path]:
    """A copy of the code, to break."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        for room in ("wire", "kiosk", "sync_server", "workbench"):
            shutil.copytree(ROOT / room, Path(folder) / room, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3"))
        (Path(folder) / "assets").symlink_to(ROOT / "assets")
        yield Path(folder)


@pytest.mark.parametrize(
    ("path", "changes", "surely", "said"),
    [
        pytest.param(
            "kiosk/ledger/store.py",
            {"min(self._progress.backed_through, self": "min(self._progress.stored_through, self"},
            "backup",
            "the backups hold",
            id="rows are deleted that no backup holds",
        ),
        pytest.param(
            "sync_server/results/tallies.py",
            {"ORDER BY n.dt DESC": "ORDER BY n.dt ASC"},
            "",
            "tallies are wrong",
            id="the first word counts",
        ),
        pytest.param(
            "sync_server/ingest/entering.py",
            {"store.insert(self._rows)": "store.insert(self._rows[1:])"},
            "",
            "thanked, but not stored",
            id="an acknowledged row is not stored",
        ),
        pytest.param(
            "kiosk/ledger/store.py",
            {'"synchronous = FULL"': '"synchronous = NORMAL"', 'self._pragma("synchronous") != 2': "False"},
            "power cut",
            "thanked, but not stored",
            id="a visitor is thanked before the card has synced",
        ),
        pytest.param(
            "kiosk/ledger/keeper.py",
            {"return [rows is not None and stored for": "return [rows is not None for"},
            "card full,sync fails",
            "thanked, but not stored",
            id="a visitor is thanked whatever the card says",
        ),
        pytest.param(
            "kiosk/core/visit/commits.py",
            {"if not answers:": "if answers:"},
            "slow card",
            "was told not recorded",
            id="what comes too late is not taken back",
        ),
        pytest.param(
            "kiosk/core/visit/acts.py",
            {
                "    return await_commit(opened, tuple(rows), Action.ANSWER, tap.value, state.item + 1, tap.stamp)\n": (
                    "    from kiosk.core.visit.commits import committed\n"
                    "    from kiosk.core.visit.events import Committed\n\n"
                    "    waiting = await_commit(opened, tuple(rows), Action.ANSWER, tap.value, state.item + 1, tap.stamp)\n"
                    "    return committed(rules, waiting[0], Committed(waiting[0].tokens, tap.stamp))[0], waiting[1]\n"
                )
            },
            "",
            "before it was on the card",
            id="a visitor is thanked before the card has answered",
        ),
        pytest.param(
            "sync_server/ingest/replay.py",
            {"                _fill(entry, thing)\n": ""},
            "old server",
            "thanked, but not stored",
            id="what was set aside stays there",
        ),
        pytest.param(
            "sync_server/ingest/dating.py",
            {"return not (too_low or too_high)": "return True"},
            "plausible lies",
            "somewhat off) is dated",
            id="a clock that says that it is synchronised is believed whatever else is known",
        ),
        pytest.param(
            "kiosk/core/passing.py",
            {"self._counts = dict.fromkeys(self._counts, 0)": "pass"},
            "",
            "people at its door",
            id="an hour begins with the people of the one before",
        ),
        pytest.param(
            "kiosk/core/delivery.py",
            {
                "        if reason != NO_SUBSCRIBERS and reason < REFUSALS:\n            return\n": (
                    "        if reason != NO_SUBSCRIBERS and reason < REFUSALS:\n"
                    "            last = max((flight.last for flight in self._flights if flight.token == token), default=0)\n"
                    "            stored = max(last, self.progress.stored_through)\n"
                    "            progress = msgspec.structs.replace(self.progress, stored_through=stored)\n"
                    "            self._standing = self._standing._replace(progress=progress)\n"
                    "            return\n"
                )
            },
            "weather,broker restart,server crash",
            "thanked, but not stored",
            id="the broker's good word counts as stored",
        ),
        pytest.param(
            "kiosk/workers/sync.py",
            {"self._echo = self._echo is None, Echo(": "_ = self._echo is None, Echo("},
            "",
            "has no date, although a round trip tells it",
            id="no device tells the server what it has heard of its time",
        ),
    ],
)
def test_what_is_broken_is_noticed(tree: Path, path: str, changes: dict[str, str], surely: str, said: str) -> None:
    file = tree / path
    text = file.read_text()
    for right, wrong in changes.items():
        assert right in text
        text = text.replace(right, wrong)
    file.write_text(text)
    failures = [failure for _, found in run(tree, *range(1, 25), surely=surely, enough=said) for failure in found]
    assert any(said in failure for failure in failures), failures
