"""The benches' harness: what it compares and says. How fast anything is, no test asks."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from workbench.bench import harness, soak
from workbench.bench.cli import CATALOGUE, load, main, table
from workbench.bench.harness import Benchmark, BenchTrouble, Figure, Say, Target, Whole, alternate, ratio, report

ROOT = Path(__file__).resolve().parents[2]


def bench(*words: str, timeout: float = 300) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "workbench.bench", *words], cwd=ROOT, capture_output=True, text=True, timeout=timeout
    )


def test_the_list_names_every_benchmark_and_each_can_be_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    said = capsys.readouterr().out
    for name in CATALOGUE:
        assert name in said
        assert load(name).name == name
        assert load(name).runs > 0


def test_the_list_is_also_there_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == dict(CATALOGUE)


def test_a_benchmark_may_be_asked_for_numbers_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, int] = {}

    def measure(runs: int, say: Say, **chosen: int) -> list[Figure]:
        asked.update(chosen, runs=runs)
        return [Figure("one", "", [1.0])]

    own = (Whole("seeds", 300, "how many"), Whole("first", 0, "from which on", least=0))
    monkeypatch.setattr("workbench.bench.cli.load", lambda name: Benchmark(name, "", 2, measure, own))
    assert main(["wire", "--first", "0", "--runs", "5"]) == 0
    assert asked == {"seeds": 300, "first": 0, "runs": 5}
    for refused in (["wire", "--seeds", "0"], ["wire", "--first", "-1"], ["wire", "--other", "1"]):
        with pytest.raises(SystemExit) as usage:
            main(refused)
        assert usage.value.code == 2
    capsys.readouterr()


@pytest.mark.parametrize("name", CATALOGUE)
def test_help_for_a_benchmark_lists_what_it_alone_can_be_asked_for(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as helped:
        main([name, "--help"])
    assert helped.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: ./vidhuk bench {name} ")
    for option in ("json", "runs", *(own.name for own in load(name).options)):
        assert f"\n  --{option} " in said


@pytest.mark.parametrize("words", [["--help"], ["--help", "simulate"], ["list", "-h"]])
def test_help_before_a_benchmark_is_named_lists_them_all(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as helped:
        main(words)
    assert helped.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith("usage: ./vidhuk bench [-h]")
    assert all(f"\n  {name} " in said for name in CATALOGUE)


@pytest.mark.parametrize("words", [["nothing-of-that-name"], ["wire", "--runs", "0"], ["wire", "--runs", "many"], []])
def test_a_command_that_makes_no_sense_is_refused(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(words)
    assert refused.value.code == 2
    assert capsys.readouterr().err


def test_two_things_are_measured_in_turns_forwards_and_backwards() -> None:
    order: list[str] = []

    def measured(name: str) -> float:
        order.append(name)
        return float(len(order))

    taken = alternate(3, a=lambda: measured("a"), b=lambda: measured("b"))
    assert "".join(order) == "abbaab"
    assert taken == {"a": [1, 4, 5], "b": [2, 3, 6]}


def test_a_ratio_is_that_of_the_medians_and_its_runs_are_those_of_the_rounds() -> None:
    found = ratio("ours / theirs", [1, 2, 90], [4, 4, 3], about="")
    assert found.value == 0.5
    assert found.values == [0.25, 0.5, 30]


@pytest.mark.parametrize(
    "target, value, verdict",
    [
        (Target(at_most=20), 20, "reached"),
        (Target(at_most=20), 20.01, "missed"),
        (Target(at_least=0.25), 0.25, "reached"),
        (Target(at_least=0.25), 0.2, "missed"),
        (None, 5, None),
    ],
)
def test_a_verdict_compares_the_median_with_the_target(target: Target | None, value: float, verdict: str | None) -> None:
    assert Figure("x", "ms", [value], "", target).verdict == verdict


def test_a_figure_without_a_measurement_cannot_be() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        Figure("x", "ms", [])


def figures(runs: int, say: harness.Say) -> list[Figure]:
    say("measuring")
    return [
        Figure("fast", "ms", [3.0, 1.0, 2.0][:runs], "how fast", Target(at_most=10)),
        Figure("slow", "ms", [12_345.6] * runs, "how slow", Target(at_most=10)),
        Figure("free", "ms", [7.0] * runs),
    ]


STANDARD = Benchmark("example", "an example", 3, figures)


def test_json_carries_every_run_its_target_and_verdict(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.bench.cli.load", lambda name: STANDARD)
    assert main(["wire", "--json"]) == 0, "a missed target is a result, not a failure"
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert said.err == "measuring\n"
    assert {key: found[key] for key in ("benchmark", "runs", "reached")} == {"benchmark": "example", "runs": 3, "reached": False}
    assert {"system", "python", "cores", "load"} <= found["machine"].keys()
    fast, slow, free = found["figures"]
    assert fast == {
        "name": "fast",
        "unit": "ms",
        "value": 2.0,
        "low": 1.0,
        "high": 3.0,
        "runs": [3.0, 1.0, 2.0],
        "about": "how fast",
        "target": {"at_most": 10},
        "verdict": "reached",
    }
    assert slow["verdict"] == "missed"
    assert (free["target"], free["verdict"]) == (None, None)


def test_the_table_says_value_spread_target_and_verdict_of_each_figure() -> None:
    measured = figures(3, lambda text: None)
    lines = table(report(STANDARD, 3, measured), measured).splitlines()
    fast, slow, free = (next(line for line in lines if line.startswith(name)) for name in ("fast", "slow", "free"))
    assert "1 … 3" in fast
    assert "≤ 10" in fast
    assert fast.endswith("reached")
    assert slow.endswith("MISSED")
    assert "…" not in free, "equal runs have no spread to show"
    assert "fast: how fast" in lines


def test_what_cannot_be_measured_is_said_in_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(runs: int, say: harness.Say) -> list[Figure]:
        raise BenchTrouble("Xvfb is not installed.")

    monkeypatch.setattr("workbench.bench.cli.load", lambda name: Benchmark("kiosk", "", 1, refuse))
    assert main(["kiosk"]) == 1
    assert capsys.readouterr().err == "Xvfb is not installed.\n"


def test_the_wire_benchmark_measures_on_a_real_broker() -> None:
    done = bench("wire", "--json", "--runs", "1")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    by_name = {figure["name"]: figure for figure in found["figures"]}
    alone, many, single = (by_name[name]["value"] for name in ("batch of 1", "batch of 50", "one JSON object each"))
    # Bytes are no matter of speed, so here a promise can be held to.
    assert by_name["batch of 50"]["verdict"] == "reached"
    assert many < single
    assert alone > 64 + 32, "a batch carries a signature and a chain state, or something else was counted"


@pytest.mark.slow
def test_the_ingest_benchmark_stores_every_row_it_counts() -> None:
    done = bench("ingest", "--json", "--runs", "1")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["figures"]) == 6


@pytest.mark.slow
def test_the_kiosk_benchmark_measures_a_real_kiosk_and_a_real_page() -> None:
    done = bench("kiosk", "--json", "--runs", "1", "--idle", "3", timeout=600)
    assert done.returncode == 0, done.stderr
    by_name = {figure["name"]: figure for figure in json.loads(done.stdout)["figures"]}
    promised = {name for name, figure in by_name.items() if figure["target"]}
    assert {"memory, kiosk / page", "cold start, kiosk / page", "thank-you, kiosk / page", "kiosk, idle"} <= promised
    at_rest = {name for name in by_name if "idle" in name}
    assert all(by_name[name]["value"] > 0 for name in by_name.keys() - at_rest)
    assert all(by_name[name]["value"] >= 0 for name in at_rest), "in three seconds a kiosk may take less than one tick"


@pytest.mark.slow
def test_the_soak_stores_what_every_one_of_its_visitors_said() -> None:
    done = bench("soak", "--json", "--runs", "4", timeout=900)
    assert done.returncode == 0, done.stderr
    by_name = {figure["name"]: figure for figure in json.loads(done.stdout)["figures"]}
    assert by_name["visitors"]["value"] == 4 * (soak.CROWD + soak.CALM)
    threads = by_name["threads"]
    assert threads["high"] - threads["low"] <= 2, "no visitor leaves a thread behind"


def test_too_short_a_soak_is_refused_before_anything_is_started() -> None:
    with pytest.raises(BenchTrouble, match="nobody can say what grows"):
        soak.measure(soak.FEWEST - 1, lambda text: None)
