"""What a deliberate fault is, and how it is brought into a file."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TESTS: Final = "tests/"


class FaultTrouble(Exception):
    """One sentence: which fault no longer fits the project, and where."""


@dataclass(frozen=True)
class Fault:
    """`old`, which stands exactly once in `file`, is replaced by `new`. `test` (path::function) must fail then.

    `name` is what goes wrong, in words. Paths start from the project's root.
    """

    name: str
    file: str
    old: str
    new: str
    test: str

    def changed(self, source: str) -> str:
        """`source` with the fault in it. Raises `FaultTrouble` unless `old` stands there once and what comes of it is Python."""
        count = source.count(self.old)
        if count != 1:
            raise FaultTrouble(f"{self.name}: in {self.file} {self.old!r} stands {count} times, and once is wanted.")
        faulty = source.replace(self.old, self.new)
        try:
            ast.parse(faulty)
        except SyntaxError as fault:
            raise FaultTrouble(f"{self.name}: {self.file} would not be Python any more: {fault}.") from None
        return faulty

    def require(self, root: Path) -> None:
        """Raises `FaultTrouble` unless the fault fits the project below `root` and its test exists."""
        self.changed((root / self.file).read_text())
        path, _, function = self.test.partition("::")
        if not path.startswith(TESTS) or not (root / path).is_file():
            raise FaultTrouble(f"{self.name}: there is no file of tests {path}.")
        tree = ast.parse((root / path).read_text())
        if function not in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}:
            raise FaultTrouble(f"{self.name}: there is no test {function} in {path}.")
