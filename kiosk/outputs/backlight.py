"""The light behind the screen, through the kernel's files: low while the court is closed, usual as soon as somebody touches."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from kiosk.core.visit import Phase, Scene

BACKLIGHTS: Final = Path("/sys/class/backlight")


class Dimmer:
    """As `kiosk.core.ports.Screen`. `usual` and `closed` are percent of what each light can.

    A light that cannot be set is reported once, and so is that there is none, when one is first missed.
    """

    def __init__(self, *, usual: int, closed: int, report: Callable[[str], None], folder: Path = BACKLIGHTS) -> None:
        self._usual = usual
        self._closed = closed
        self._report = report
        self._folder = folder
        self._percent: int | None = None
        self._reported: set[str] = set()

    def show(self, scene: Scene) -> None:
        """Dims on the closed screen and on no other."""
        self._set(self._closed if scene.phase is Phase.CLOSED else self._usual)

    def stop(self) -> None:
        """Leaves the usual light to whatever comes next."""
        if self._percent is not None:
            self._set(self._usual)

    def _set(self, percent: int) -> None:
        if percent == self._percent:
            return
        self._percent = percent
        lights = sorted(self._folder.glob("*/max_brightness"))
        if not lights and percent != self._usual:
            self._once(f"no light in {self._folder} can be dimmed: the closed screen stays as bright as the others")
        for light in lights:
            try:
                most = int(light.read_text())
                light.with_name("brightness").write_text(f"{max(1, most * percent // 100)}\n")
            except (OSError, ValueError) as fault:
                self._once(f"the backlight {light.parent.name} cannot be set: {fault}")

    def _once(self, sentence: str) -> None:
        if sentence not in self._reported:
            self._reported.add(sentence)
            self._report(sentence)
