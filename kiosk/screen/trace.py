"""A line of JSON for every picture that has reached the glass: scene, texts, controls, language, and which answer was pressed.

For the demo, tests and benchmarks only, never where visitors answer: it lists every answer, changed ones included, in the order in
which people came, and whoever watches the file grow knows when. Off unless configured; the kiosk warns at start when it is on.
"""

import json
from pathlib import Path

from kiosk.screen.picture import Picture, Text


class Trace:
    """Appends to one file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def shown(self, picture: Picture) -> None:
        """Writes what `picture` shows and where it can be touched."""
        record = {
            "scene": picture.scene,
            "language": picture.language,
            "pressed": picture.pressed,
            "large": picture.large,
            "focus": picture.focus,
            "size": picture.size,
            "controls": {control.key: control.box for control in picture.controls},
            "texts": [" ".join(mark.lines) for mark in picture.marks if isinstance(mark, Text)],
        }
        self._file.write(json.dumps(record, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
