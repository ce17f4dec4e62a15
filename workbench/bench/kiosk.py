"""What a kiosk costs and how fast it answers, beside the least page in Chromium that does the same: memory, start, touch, rest.

The kiosk is the real one in full: every language there is, speech, a broker and a gateway behind it. Both are started, touched and
looked at from outside, in turns. What an idle kiosk costs is compared with stock Kivy's loop too.
"""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Final

from workbench.bench.exit import open_exit
from workbench.bench.glass import Touched
from workbench.bench.harness import Benchmark, Figure, Say, Target, Whole, alternate, ratio, scratch
from workbench.bench.stands import KioskStand, PageStand, Stand, start_stock
from workbench.bench.usage import family, processor_s
from workbench.processes import Household

MEMORY: Final = Target(at_most=0.4)
COLD: Final = Target(at_most=0.75)
DURABLE: Final = Target(at_most=0.6)
DURABLE_MS: Final = Target(at_most=12)
FRAME: Final = Target(at_most=1000 / 60)
IDLE: Final = Target(at_most=0.2)
IDLE_OF_STOCK: Final = Target(at_most=0.1)
SHARED: Final = "they share pages, so the page seems smaller and the kiosk worse than it is"
SETTLING_S: Final = 4.0
"""From the first touch until memory is looked at: what either does when it has nothing to do is done by then."""
IDLE_ROUNDS: Final = 3
"""As many as there are runs, if fewer."""
IDLING: Final = Whole(
    "idle", 22, "seconds of each round at rest: three make more than a minute, so that a report is among it", least=2
)


def measure(runs: int, say: Say, *, idle: int) -> list[Figure]:
    """Cold starts and memory in turns, touches in turns, memory after use, then all at rest side by side."""
    with scratch() as name, Household() as household:
        folder = Path(name)
        say("Starting a broker and a gateway; learning what kiosk and page look like …")
        exit = open_exit(folder / "exit", household)
        kiosk = KioskStand(folder / "kiosk", household, exit)
        page = PageStand(folder / "page", household)
        stands = {"kiosk": kiosk, "page": page}
        for stand in stands.values():
            stand.learn()
            stand.stop()
        starts, rests = (runs + 1) // 2, min(runs, IDLE_ROUNDS)
        say(f"Starting each {starts} times …")
        fresh: dict[str, list[float]] = {"kiosk": [], "page": []}
        cold = alternate(starts, **{name: _start(stand, fresh[name]) for name, stand in stands.items()})
        for stand in stands.values():
            stand.start()
        say(f"Touching each {runs} times …")
        touches: dict[str, list[Touched]] = {"kiosk": [], "page": []}
        shown = alternate(runs, **{name: _touch(stand, touches[name]) for name, stand in stands.items()})
        _use_everything(kiosk, exit.languages)
        time.sleep(SETTLING_S)
        used = alternate(rests, **{name: stand.memory for name, stand in stands.items()})
        if page.shared_with:
            say(f"Another Chromium runs beside this one: {SHARED}.")
        say("Watching them at rest …")
        stock = start_stock(folder / "stock", household)
        rest = _idle({"kiosk": kiosk.processes, "page": page.processes, "stock": family(stock.pid)}, rests, idle)
        kiosk.stop()
        kiosk.require(1 + starts + 1 + runs + len(exit.languages))
    pressed = {name: [one.pressed * 1000 for one in taken] for name, taken in touches.items()}
    over, stock_kivy = f"over {rests * idle} s", "five buttons on Kivy's own loop"
    shared = f"; another Chromium ran: {SHARED}" if page.shared_with else ""
    return [
        Figure("kiosk, memory", "MiB", used["kiosk"], f"PSS after use in {len(exit.languages)} languages and the accessible mode"),
        Figure("page, memory", "MiB", used["page"], f"PSS of all its processes after as many touches{shared}"),
        ratio("memory, kiosk / page", used["kiosk"], used["page"], about=f"PSS after use{shared}", target=MEMORY),
        Figure("kiosk, memory at first", "MiB", fresh["kiosk"], f"PSS {SETTLING_S:.0f} s after the first visitor"),
        Figure("page, memory at first", "MiB", fresh["page"], f"PSS{shared}"),
        ratio("memory at first, kiosk / page", fresh["kiosk"], fresh["page"], about=f"PSS{shared}", target=MEMORY),
        Figure("kiosk, cold start", "ms", cold["kiosk"], "command to whole question, answering; a kiosk's own libraries, compiled"),
        Figure("page, cold start", "ms", cold["page"]),
        ratio("cold start, kiosk / page", cold["kiosk"], cold["page"], about="to the first frame that can be used", target=COLD),
        Figure("kiosk, pressed look", "ms", pressed["kiosk"], "first changed pixel of the touched face", FRAME),
        Figure("page, pressed look", "ms", pressed["page"]),
        Figure("kiosk, durable thank-you", "ms", shown["kiosk"], "the picture that says thank you; SQLite, WAL, FULL", DURABLE_MS),
        Figure("page, durable thank-you", "ms", shown["page"], "Chromium --kiosk, IndexedDB with durability strict"),
        ratio("thank-you, kiosk / page", shown["kiosk"], shown["page"], about="touch to durable thank-you", target=DURABLE),
        Figure("kiosk, idle", "% of a core", rest["kiosk"], f"processor time {over}, connected", IDLE, mean(rest["kiosk"])),
        Figure("page, idle", "% of a core", rest["page"], over, value=mean(rest["page"])),
        Figure("stock Kivy, idle", "% of a core", rest["stock"], f"{stock_kivy}, {over}", value=mean(rest["stock"])),
        ratio("idle, kiosk / stock", rest["kiosk"], rest["stock"], about="while nothing moves", target=IDLE_OF_STOCK),
    ]


def _start(stand: Stand, memory: list[float]) -> Callable[[], float]:
    def once() -> float:
        taken = stand.start()
        time.sleep(SETTLING_S)
        memory.append(stand.memory())
        stand.stop()
        return taken * 1000

    return once


def _touch(stand: Stand, taken: list[Touched]) -> Callable[[], float]:
    def once() -> float:
        taken.append(stand.touch())
        return taken[-1].shown * 1000

    return once


def _use_everything(kiosk: KioskStand, languages: tuple[str, ...]) -> None:
    """One visitor in each language, each of whom tries the accessible mode: so that what is drawn only on demand is drawn."""
    for language in languages:
        kiosk.visit(language=language, aided=True)


def _idle(programs: dict[str, list[int]], rounds: int, seconds: int) -> dict[str, list[float]]:
    """Percent of a core that each takes while nobody touches anything, in rounds of `seconds`, all at once."""
    taken: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        before = {name: processor_s(pids) for name, pids in programs.items()}
        began = time.monotonic()
        time.sleep(seconds)
        passed = time.monotonic() - began
        for name, pids in programs.items():
            taken[name].append((processor_s(pids) - before[name]) / passed * 100)
    return taken


BENCHMARK = Benchmark(
    "kiosk", "memory, cold start, touch to durable thank-you and rest, against a page in Chromium", 12, measure, (IDLING,)
)
