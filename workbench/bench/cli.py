"""The command: lists the benchmarks, runs one, and writes its figures as a table for people or as one JSON document."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final

from workbench.bench.harness import Benchmark, BenchTrouble, Figure, report
from workbench.processes import ChildFailed

CATALOGUE: Final[Mapping[str, str]] = {
    "wire": "bytes a rating on a TLS connection to a real broker",
    "ingest": "ratings stored a second, in batches and one a message, against bare SQLite and a bare MQTT client",
    "kiosk": "memory, cold start, touch to durable thank-you and rest, against a page in Chromium and stock Kivy",
    "simulate": "whole worlds of kiosks, network and server from one seed each: thanked = stored = tallied",
    "ledger": "a device with a million rows: size, append time, start, fork and damage",
    "soak": "eight hours of visitors, compressed, through a real window: memory, threads and files stay as they are",
    "mutants": "deliberate faults, each in a copy of the project, each to be noticed by a named test",
    "fallback": "a blocked broker: how soon HTTPS carries the ratings, and how soon a dead line is noticed",
    "drain": "100 devices come back after an outage with 100,000 rows, while visitors go on rating",
    "cuts": "power cuts of real kiosks and of the server's ledger, on a card that keeps only what was synced",
    "kills": "SIGKILL at random moments, of a kiosk and of the server's gateway, with a real broker between",
}
"""Each is a module of this package with a `BENCHMARK`, loaded only when it is run: some need Django, some a display."""


def load(name: str) -> Benchmark:
    """The benchmark called `name`."""
    found: Benchmark = import_module(f"workbench.bench.{name}").BENCHMARK
    return found


def main(argv: Sequence[str]) -> int:
    """0 when everything could be measured, whatever the verdicts; 1 when not; 2 for a command that was not understood."""
    options, own = _parser().parse_known_args(argv)
    if options.name == "list":
        if own:
            _parser().error(f"unrecognized arguments: {' '.join(own)}")
        print(json.dumps(dict(CATALOGUE), ensure_ascii=False) if options.json else _listing())
        return 0
    benchmark = load(options.name)
    chosen = vars(_own_parser(benchmark).parse_args(own))
    runs = options.runs or benchmark.runs
    try:
        figures = benchmark.measure(runs, _say, **chosen)
    except (BenchTrouble, ChildFailed) as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    found = report(benchmark, runs, figures)
    print(json.dumps(found, ensure_ascii=False) if options.json else table(found, figures))
    return 0


def table(found: Mapping[str, Any], figures: Sequence[Figure]) -> str:
    """The figures for people: value, spread of the runs, target, verdict."""
    machine = found["machine"]
    rows = [("", "median", "runs from … to", "unit", "target", "")]
    for figure in figures:
        spread = f"{_number(min(figure.values))} … {_number(max(figure.values))}" if len(set(figure.values)) > 1 else ""
        rows.append((figure.name, _number(figure.value), spread, figure.unit, str(figure.target or ""), _word(figure.verdict)))
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = [f"{found['benchmark']}: {found['about']}"]
    lines += [f"{found['runs']} runs; {machine['cores']} cores, Python {machine['python']}, load {machine['load']}", ""]
    for row in rows:
        cells = [
            cell.rjust(width) if place in (1, 2, 4) else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    lines += ["", *(f"{figure.name}: {figure.about}" for figure in figures if figure.about)]
    return "\n".join(lines)


def _listing() -> str:
    width = max(len(name) for name in CATALOGUE)
    return "\n".join(f"{name.ljust(width)}  {about}" for name, about in CATALOGUE.items())


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", "\u2009")
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def _word(verdict: str | None) -> str:
    return {"reached": "reached", "missed": "MISSED", None: ""}[verdict]


def _say(text: str) -> None:
    """Progress goes to standard error, so that standard output is the result and nothing else."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


class _Help(argparse.Action):
    """`--help`: after a benchmark's name what this one can be asked for, and else what there is."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: object) -> None:
        if namespace.name in CATALOGUE:
            benchmark = load(namespace.name)
            parser = _own_parser(benchmark)
            _add_common(parser, runs=f" (usually {benchmark.runs})")
        parser.print_help()
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./vidhuk bench",
        description="Measures real parts against a yardstick, in turns. Exit code 0: measured, whatever the verdicts.",
        epilog="Benchmarks:\n" + "\n".join(f"  {line}" for line in _listing().splitlines()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    parser.add_argument("name", choices=["list", *CATALOGUE], metavar="NAME", help="a benchmark's name, or `list`")
    parser.add_argument("-h", "--help", action=_Help, nargs=0, help="show this, or after NAME what it alone can be asked for")
    _add_common(parser)
    return parser


def _add_common(parser: argparse.ArgumentParser, *, runs: str = "") -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    parser.add_argument("--runs", type=_count, metavar="N", help=f"how often each thing is measured{runs}")


def _own_parser(benchmark: Benchmark) -> argparse.ArgumentParser:
    """What only this benchmark can be asked for."""
    parser = argparse.ArgumentParser(prog=f"./vidhuk bench {benchmark.name}", description=benchmark.about, add_help=False)
    for option in benchmark.options:
        parser.add_argument(
            f"--{option.name}",
            type=_at_least(option.least),
            default=option.default,
            metavar="N",
            help=f"{option.about} (usually %(default)s)",
        )
    return parser


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} on")
        return int(text)

    return number


def _count(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 1000")
    return int(text)
