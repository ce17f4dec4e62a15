"""What a deliberate fault is, and how it is brought into a file."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

TESTS: Final = "tests/"


class FaultTrouble(Exception):
    """One sentence: which fault no longer fits the project, and where."""


class Change(NamedTuple):
    """`old`, which stands exactly once in `file`, is replaced by `new`. Paths start from the project's root."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Fault:
    """A change, with `also` where a second line would make up for it. `test` (path::function) must fail then, and `said` must stand
    in what it says, where it could fail for another reason too.

    `name` is what goes wrong, in words.
    """

    name: str
    file: str
    old: str
    new: str
    test: str
    also: tuple[Change, ...] = ()
    said: str = ""

    @property
    def changes(self) -> tuple[Change, ...]:
        """All that is changed, in order."""
        return (Change(self.file, self.old, self.new), *self.also)

    def changed(self, root: Path) -> Mapping[str, str]:
        """The changed files below `root` by their paths. Raises `FaultTrouble` unless each `old` stands there once and what comes
        of it is Python.
        """
        files: dict[str, str] = {}
        for file, old, new in self.changes:
            source = files.get(file) or (root / file).read_text()
            count = source.count(old)
            if count != 1:
                raise FaultTrouble(f"{self.name}: in {file} {old!r} stands {count} times, and once is wanted.")
            files[file] = source.replace(old, new)
        for file, source in files.items():
            try:
                ast.parse(source)
            except SyntaxError as fault:
                raise FaultTrouble(f"{self.name}: {file} would not be Python any more: {fault}.") from None
        return files

    def require(self, root: Path) -> None:
        """Raises `FaultTrouble` unless the fault fits the project below `root` and its test exists."""
        self.changed(root)
        path, _, function = self.test.partition("::")
        if not path.startswith(TESTS) or not (root / path).is_file():
            raise FaultTrouble(f"{self.name}: there is no file of tests {path}.")
        tree = ast.parse((root / path).read_text())
        if function not in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}:
            raise FaultTrouble(f"{self.name}: there is no test {function} in {path}.")
