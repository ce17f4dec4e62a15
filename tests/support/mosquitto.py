"""A real Mosquitto for low-level tests: plain MQTT on a loopback port of its own, nothing kept between runs."""

from pathlib import Path

from tests.support.tools import find_tool
from tests.support.waiting import accepts_connections, until
from workbench.ports import free_port
from workbench.processes import Child


class Mosquitto:
    """One broker. It may be stopped, killed and started again; the port stays."""

    def __init__(self, folder: Path) -> None:
        self.program = find_tool("mosquitto", "mosquitto")
        self.folder = folder
        self.host = "127.0.0.1"
        self.port = free_port()
        self.child: Child | None = None

    def start(self, extra: str = "") -> "Mosquitto":
        """Starts it and waits until it accepts connections. `extra`: further lines of configuration."""
        configuration = self.folder / "mosquitto.conf"
        configuration.write_text(
            f"listener {self.port} {self.host}\n"
            "allow_anonymous true\n"
            "persistence false\n"
            "max_queued_messages 0\n"
            "user root\n"  # when root starts it, it may go on reading this private folder
            "log_dest stderr\n"
            f"{extra}"
        )
        self.child = Child("mosquitto", [self.program, "-c", str(configuration)], log=self.folder / "mosquitto.log").start()
        until(self._answers, f"mosquitto listens on port {self.port}")
        return self

    def stop(self) -> None:
        """Ends it as an administrator would."""
        if self.child is not None:
            self.child.stop()

    def kill(self) -> None:
        """Ends it as a power cut would."""
        if self.child is not None:
            self.child.kill()

    def _answers(self) -> bool:
        assert self.child is not None
        self.child.check()
        return accepts_connections(self.port)
