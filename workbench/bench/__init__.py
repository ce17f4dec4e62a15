"""Benchmarks: `./vidhuk bench list`, `./vidhuk bench NAME [--json] [--runs N]`. Each measures real parts against a yardstick.

A new one is a module with a `Benchmark` and a line in `catalogue`.
"""

from workbench.bench.cli import main

__all__ = ["main"]
