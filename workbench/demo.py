"""`./vidhuk demo`: broker, server, one kiosk and six invented courts on this machine, out of the real commands.

Only the standard library is imported at the top, so that `--help` needs nothing installed.
"""

import argparse
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from workbench.installation import Installation

ROOT: Final = Path(__file__).resolve().parent.parent
VISITORS_S: Final = (4.0, 15.0)
"""Seconds between two simulated visitors: often enough to see the page move."""


def main(argv: Sequence[str]) -> int:
    """Runs until Ctrl-C; with --smoke until the taps are shown. 0 for success, 1 for trouble that was said in words."""
    options = _parser().parse_args(argv)
    from workbench import smoke
    from workbench.installation import DemoTrouble
    from workbench.pages import PageFault
    from workbench.panel import PanelGone
    from workbench.processes import ChildFailed

    # Set even where a shell started us in the background with Ctrl-C ignored: whoever sends it means it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        if options.smoke is not None:
            return smoke.run(options.smoke)
        return _run(options)
    except (DemoTrouble, ChildFailed, PageFault, PanelGone) as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    except OSError as error:
        if error.errno != 28:
            raise
        sys.stderr.write("No disk space left: free some and start again.\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./vidhuk demo",
        description="Starts broker, server and one kiosk on this machine, fills six invented courts with twelve weeks of"
        " sample results, and prints where to look. Ctrl-C stops all of it; the next start keeps its data.",
    )
    parser.add_argument("--smoke", type=_taps, metavar="N", help="instead: N taps through everything, one JSON line, and an end")
    parser.add_argument("--state", type=Path, default=ROOT / "var" / "demo", metavar="DIR", help="where data are kept (var/demo)")
    parser.add_argument("--headless", action="store_true", help="no window, even where there is a display")
    parser.add_argument("--web-port", type=_port, default=8080, metavar="PORT", help="the pages (8080)")
    parser.add_argument("--door-port", type=_port, default=8443, metavar="PORT", help="devices by HTTPS (8443)")
    parser.add_argument("--broker-port", type=_port, default=8883, metavar="PORT", help="devices by MQTT (8883)")
    return parser


def _taps(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of taps from 1 to 100000")
    return int(text)


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to 65535")
    return int(text)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run(options: argparse.Namespace) -> int:
    from workbench.installation import Installation, require_ports
    from workbench.processes import Household

    window = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")) and not options.headless
    ports = {"web": options.web_port, "door": options.door_port, "broker": options.broker_port}
    installation = Installation(options.state.absolute(), ports, window=window)
    installation.claim()
    require_ports(ports)
    installation.fresh_logs()
    first = not installation.filled()
    if first:
        installation.start_afresh()
        _say("First start: making an installation, its courts and twelve weeks of sample results.")
    installation.require_delivered()
    with Household() as household:
        try:
            installation.set_up(samples=True)
            installation.remember_filled()
            installation.start_server(household)
            if not installation.enrolled():
                _say("Enrolling the kiosk: one-time code, its own keys, a certificate from this installation's CA.")
                installation.enrol()
            kiosk = installation.start_kiosk(household)
            _announce(installation)
            if not window:
                threading.Thread(target=_visitors, args=(installation.panel,), daemon=True).start()
            while kiosk.ended() != 0:  # its window was closed; any other end of any child is trouble
                household.check()
                time.sleep(0.5)
        except KeyboardInterrupt:
            pass
        _say("Stopping kiosk, server and broker …")
    _say("Stopped. Nothing is left running; the data stay in " + str(options.state))
    return 0


def _announce(installation: "Installation") -> None:
    about = installation.about
    kiosk = (
        "in its window, and as any visitor would, touch a face"
        if installation.window
        else "without a window (there is no display); simulated visitors press its buttons"
    )
    print(
        f"\nVidhuk runs.\n\n"
        f"  Pages    {installation.origin}/\n"
        f"  Sign-in  {about['username']}   password {about['password']}   (for this run)\n"
        f"  Kiosk    {kiosk}\n"
        f"           its court: {about['court_name']}\n"
        f"           {installation.origin}/courts/{about['court']}/\n\n"
        f"All courts and results are invented samples. Distributions follow every single answer here; a real installation\n"
        f"waits for five, so that nobody can tell how one visitor answered. Ctrl-C stops everything.\n",
        flush=True,
    )


def _visitors(panel_path: Path) -> None:
    """People who come now and then, for as long as the kiosk has a panel."""
    from workbench.panel import Panel, PanelGone

    hand = random.Random()
    try:
        panel = Panel(panel_path)
        while True:
            time.sleep(hand.uniform(*VISITORS_S))
            panel.press(hand.choices((1, 2, 3, 4, 5), weights=(8, 11, 19, 36, 26))[0])
            panel.wait_for("lamp thanked", 10)
    except PanelGone:
        return


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
