"""What the demo is made of: ports, folders, the page reader, the hand at the panel, the README's commands."""

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.core.progress import Progress
from kiosk.ledger.store import LEDGER, Store
from tests.kiosk.authority import Authority
from tests.kiosk.test_ledger_thread import rating
from tests.support.waiting import until
from wire.codec import encode_event
from workbench import demo, smoke
from workbench.installation import DemoTrouble, Installation, free_ports, require_ports
from workbench.pages import CourtFigures, PageFault, figures
from workbench.panel import Panel, PanelGone
from workbench.ports import free_port
from workbench.processes import Child

ROOT = Path(__file__).resolve().parents[2]


def installation(folder: Path) -> Installation:
    return Installation(folder, free_ports())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Installation]:
    claimed = installation(tmp_path)
    claimed.claim()
    yield claimed
    claimed.release()


# --- ports and folders -----------------------------------------------------------------------------------------------


def test_a_port_in_use_is_named_with_the_option_that_chooses_another() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DemoTrouble) as trouble:
            require_ports({"web": free_port(), "door": free_port(), "broker": port})
    assert str(trouble.value) == (
        f"Port {port} (devices by MQTT) is in use by another program: stop that, or choose another with --broker-port {port + 1}."
    )


def test_a_port_in_use_ends_the_demo_with_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(
            [str(ROOT / "vidhuk"), "demo", "--state", str(tmp_path / "state"), "--web-port", str(taken.getsockname()[1])],
            capture_output=True,
            text=True,
        )
    assert done.returncode == 1
    assert re.fullmatch(r"Port \d+ \(pages\) is in use by another program: stop that, or .*\n", done.stderr)
    assert done.stdout == ""


def test_free_ports_are_three_different_ones() -> None:
    assert len(set(free_ports().values())) == 3


def test_two_demos_do_not_share_a_folder_at_one_time(place: Installation) -> None:
    second = installation(place.folder)
    with pytest.raises(DemoTrouble, match="A demo already runs in"):
        second.claim()
    place.release()
    second.claim()
    second.release()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DemoTrouble, match=r"cannot be written: .* Choose another with --state\."):
        installation(tmp_path / "file" / "state").claim()


def test_a_first_start_that_was_interrupted_begins_again_and_leaves_other_files_alone(place: Installation, tmp_path: Path) -> None:
    place.write_configuration()
    (tmp_path / "server" / "half").touch()
    (tmp_path / "mine").touch()
    assert not place.filled()
    place.start_afresh()
    assert not (tmp_path / "server").exists()
    assert (tmp_path / "mine").exists()
    place.remember_filled()
    assert place.filled()


@pytest.mark.parametrize("content", ["", "[]", "{}", "nonsense"])
def test_a_broken_marker_counts_as_not_filled(place: Installation, tmp_path: Path, content: str) -> None:
    place.remember_filled()
    (marker,) = tmp_path.glob("*.json")
    marker.write_text(content)
    assert not place.filled()


@pytest.mark.parametrize("words", [["--smoke", "0"], ["--smoke", "many"], ["--web-port", "70000"], ["--dance"]])
def test_wrong_options_are_explained(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        demo.main(words)
    assert ended.value.code == 2
    assert "./vidhuk demo: error:" in capsys.readouterr().err


class OtherBrokerPort:
    """A demo folder whose kiosk was enrolled for another port than the one asked for now."""

    def __init__(self, place: Installation) -> None:
        self.place = place
        self.state = place.folder / "kiosk"
        self.old = place.ports["broker"] - 1
        Authority.make().give_identity(self.state, "demo-kiosk-1", port=self.old)

    def hold(self, rows: int, delivered: int) -> None:
        store = Store(self.state / LEDGER.format(device="demo-kiosk-1"))
        store.append([encode_event(rating(number)) for number in range(rows)])
        store.remember(Progress(b"e" * 16, delivered, delivered))
        store.close()


def test_other_ports_do_not_leave_what_the_kiosk_still_holds_behind(place: Installation) -> None:
    moved = OtherBrokerPort(place)
    moved.hold(5, delivered=3)
    with pytest.raises(DemoTrouble) as trouble:
        place.require_delivered()
    assert "(entries: 2)" in str(trouble.value)
    assert f"start once more with --broker-port {moved.old}, or choose another folder with --state." in str(trouble.value)
    Installation(place.folder, {**place.ports, "broker": moved.old}).require_delivered()


def test_other_ports_are_no_trouble_when_everything_is_delivered(place: Installation) -> None:
    place.require_delivered()
    moved = OtherBrokerPort(place)
    place.require_delivered()
    moved.hold(5, delivered=5)
    place.require_delivered()
    assert not place.enrolled()


def test_a_demo_that_still_holds_something_for_other_ports_ends_with_one_sentence(place: Installation) -> None:
    OtherBrokerPort(place).hold(5, delivered=3)
    place.remember_filled()
    place.release()
    words = [f"--{name}-port={port}" for name, port in place.ports.items()]
    done = subprocess.run(
        [str(ROOT / "vidhuk"), "demo", "--state", str(place.folder), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert re.fullmatch(r"The demo's kiosk still holds what it has not delivered \(entries: 2\).*--state\.\n", done.stderr)


def test_every_run_has_logs_of_its_own_and_the_ones_before_are_kept_once(place: Installation) -> None:
    log = place.folder / "logs" / "kiosk.log"
    place.fresh_logs()
    log.parent.mkdir()

    def run(word: str) -> None:
        place.fresh_logs()
        child = Child("the kiosk", ["echo", word], log=log).start()
        until(lambda: not child.alive(), "it has said its word")

    for word in ("first", "second", "third"):
        run(word)
    assert log.read_text() == "third\n"
    assert log.with_name("kiosk.log.1").read_text() == "second\n"
    assert len(list(log.parent.iterdir())) == 2


# --- the page reader -------------------------------------------------------------------------------------------------


def test_counts_are_read_from_the_page() -> None:
    html = '<main><span class="count" data-answers-today="12">12</span> <b data-answers-30d="1412">1&nbsp;412</b></main>'
    assert figures(html) == CourtFigures(today=12, month=1412)


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<b data-answers-today=3>3</b>",
        '<b data-answers-today="x">x</b><b data-answers-30d="1">1</b>',
        "<!-- data-answers-today=1 -->",
    ],
)
def test_a_page_without_its_counts_is_a_fault(html: str) -> None:
    with pytest.raises(PageFault, match="the page shows no data-answers-"):
        figures(html)


@pytest.mark.parametrize("read", ["", "1411", "1,41,2", "14 12", "1,412 and more"])
def test_a_page_that_shows_people_another_number_than_machines_is_a_fault(read: str) -> None:
    with pytest.raises(PageFault, match="data-answers-30d is 1412, but the page reads"):
        figures(f'<b data-answers-today="3">3</b><b data-answers-30d="1412">{read}</b>')


def test_the_count_is_read_with_the_separators_of_either_language() -> None:
    for read in ("1,412", "1\xa0412", "1\u202f412", "1412"):
        html = f'<b data-answers-today="3">3</b><b data-answers-30d="1412">{read}</b>'
        assert figures(html) == CourtFigures(today=3, month=1412)


# --- the hand at the panel -------------------------------------------------------------------------------------------


@pytest.fixture
def kiosk_side(tmp_path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "panel.sock"))
    listener.listen()
    return listener


def test_a_press_travels_and_the_lamp_is_seen_even_in_pieces(kiosk_side: socket.socket, tmp_path: Path) -> None:
    heard = []

    def kiosk() -> None:
        visitor, _ = kiosk_side.accept()
        with visitor:
            while b"release" not in b"".join(heard):
                heard.append(visitor.recv(100))
            visitor.sendall(b"lamp pressed\nlamp tha")
            visitor.sendall(b"nked\n")
            visitor.recv(100)

    thread = threading.Thread(target=kiosk)
    thread.start()
    panel = Panel(tmp_path / "panel.sock")
    panel.press(4)
    assert panel.wait_for("lamp thanked", 30)
    assert not panel.wait_for("lamp thanked", 0.05)
    panel.close()
    thread.join()
    kiosk_side.close()
    assert b"".join(heard) == b"press 4\nrelease 4\n"


def test_a_panel_that_closes_is_reported(kiosk_side: socket.socket, tmp_path: Path) -> None:
    panel = Panel(tmp_path / "panel.sock")
    visitor, _ = kiosk_side.accept()
    visitor.close()
    kiosk_side.close()
    with pytest.raises(PanelGone, match="closed its panel"):
        panel.wait_for("lamp thanked", 30)
    panel.close()


def test_no_panel_is_reported(tmp_path: Path) -> None:
    with pytest.raises(PanelGone, match="No such file"):
        Panel(tmp_path / "panel.sock")


# --- figures ---------------------------------------------------------------------------------------------------------


def test_quantiles_are_values_that_occurred() -> None:
    values = [float(n) for n in range(1, 101)]
    assert (smoke.quantile(values, 0.5), smoke.quantile(values, 0.95), smoke.quantile(values, 1.0)) == (50.0, 95.0, 100.0)
    assert smoke.quantile([7.04], 0.95) == 7.0
    assert smoke.quantile([], 0.5) is None


@pytest.mark.parametrize(
    "tapped, stored, shown, code",
    [(5, 5, 5, 0), (5, 4, 5, 1), (5, 5, 4, 1), (5, 5, 6, 1), (4, 4, 4, 1)],
)
def test_the_smoke_succeeds_only_when_all_that_was_asked_was_tapped_stored_and_shown(
    tapped: int, stored: int, shown: int, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = {"tapped": tapped, "stored": stored, "shown": shown, "tap_to_page_ms": {"p50": 1.0, "p95": 2.0}}
    monkeypatch.setattr(smoke, "_measure", lambda *_: result)
    assert smoke.run(5) == code
    assert json.loads(capsys.readouterr().out) == result


class Shelf:
    """A reader that finds a page after the other, and then none any more."""

    def __init__(self, *counts: int) -> None:
        self.pages = list(counts)

    def court(self, _slug: str) -> CourtFigures:
        if not self.pages:
            raise PageFault("status 500")
        return CourtFigures(today=0, month=self.pages.pop(0))


def test_every_tap_is_timed_by_the_first_page_that_shows_it_and_a_lost_page_is_kept_as_a_fault() -> None:
    watch = smoke.Watch(Shelf(0, 1, 1, 4), "court")  # type: ignore[arg-type]
    watch.run()
    assert watch.shown == 4
    assert list(watch.first_seen) == [1, 2, 3, 4]
    assert watch.first_seen[1] < watch.first_seen[2] == watch.first_seen[3] == watch.first_seen[4]
    assert isinstance(watch.fault, PageFault)


# --- the documents ---------------------------------------------------------------------------------------------------


def test_every_command_the_documents_name_exists() -> None:
    from workbench.bootstrap import COMMANDS

    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    named = {word for path in documents for word in re.findall(r"\./vidhuk ([a-z]+)", path.read_text())}
    assert {"demo", "test"} <= named
    assert named <= COMMANDS.keys()


def test_the_readme_begins_with_the_demo_and_then_the_tests() -> None:
    commands = re.findall(r"^\s*\./vidhuk (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert commands[:2] == ["demo", "test"]


def test_the_options_of_the_demo_that_documents_name_exist() -> None:
    shown = subprocess.run([sys.executable, "-m", "workbench", "demo", "--help"], cwd=ROOT, capture_output=True, text=True).stdout
    text = "\n".join(path.read_text() for path in ROOT.glob("*.md"))
    for option in re.findall(r"\./vidhuk demo (--[a-z-]+)", text):
        assert option in shown
