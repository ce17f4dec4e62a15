"""A place among the screens for those that are built after the first picture."""

from kiosk.core.ports import Screen
from kiosk.core.visit import Scene


class Joining:
    """As `kiosk.core.ports.Screen`: shows to whoever has joined. Main thread only."""

    def __init__(self) -> None:
        self._screens: list[Screen] = []
        self._scene: Scene | None = None

    def join(self, screen: Screen) -> None:
        """`screen` is shown the scene that stands, and every one after it."""
        self._screens.append(screen)
        if self._scene is not None:
            screen.show(self._scene)

    def show(self, scene: Scene) -> None:
        """As `kiosk.core.ports.Screen`."""
        self._scene = scene
        for screen in self._screens:
            screen.show(scene)
