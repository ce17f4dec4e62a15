"""Do the tests bite? Deliberate faults, each in a copy of the project, each to be noticed by the one test that is named."""

from pathlib import Path

from workbench.bench.harness import Benchmark, BenchTrouble, Figure, Say, Target, Whole, scratch
from workbench.installation import ROOT
from workbench.mutants.catalogue import FAULTS
from workbench.mutants.fault import FaultTrouble
from workbench.mutants.trial import Verdict, require_sound, trees, try_all


def measure(runs: int, say: Say, *, jobs: int = 2) -> list[Figure]:
    """Tries every fault once; trying again would give the same."""
    known = 0

    def heard(verdict: Verdict) -> None:
        nonlocal known
        known += 1
        fault = verdict.fault
        say(f"{known:3d} of {len(FAULTS)}  {'caught' if verdict.caught else 'NOT CAUGHT'}: {fault.name} ({fault.file})")
        say(f"            by {fault.test}" if verdict.caught else f"            {fault.test} said:\n{verdict.said}")

    try:
        for fault in FAULTS:
            fault.require(ROOT)
        with scratch() as folder, trees(ROOT, Path(folder), jobs) as copies:
            say(f"Running the tests that are to notice {len(FAULTS)} faults, without any fault …")
            tree = copies.get()
            require_sound(tree, FAULTS)
            copies.put(tree)
            verdicts = try_all(copies, FAULTS, jobs, heard)
    except FaultTrouble as trouble:
        raise BenchTrouble(str(trouble)) from None
    caught = sum(verdict.caught for verdict in verdicts)
    missed = [verdict.fault.name for verdict in verdicts if not verdict.caught]
    about = f"not caught: {'; '.join(missed)}" if missed else "each by the test that is named for it"
    return [Figure(f"caught / {len(FAULTS)}", "faults", [float(caught)], about, Target(at_least=len(FAULTS)))]


BENCHMARK = Benchmark(
    "mutants",
    "deliberate faults, each in a copy of the project, each to be noticed by a named test",
    1,
    measure,
    (Whole("jobs", 2, "how many are tried at once"),),
)
