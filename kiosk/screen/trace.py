"""A line of JSON for every picture that has reached the glass, for tests and for whoever looks into a fault. Off unless configured.

It holds nothing about a person: it says what was shown, not who stood there.
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
            "size": picture.size,
            "controls": {control.key: control.box for control in picture.controls},
            "texts": [" ".join(mark.lines) for mark in picture.marks if isinstance(mark, Text)],
        }
        self._file.write(json.dumps(record, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
