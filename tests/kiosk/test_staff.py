"""What staff read and do at the device: status, enrolment, and enrolling again, in the language of their terminal."""

import ast
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk import identity
from kiosk.__main__ import main
from kiosk.core.progress import Progress
from kiosk.errors import EnrolmentError
from kiosk.ledger.store import LEDGER, Store
from kiosk.texts import STAFF, STAFF_LANGUAGES, Texts, asked_for
from kiosk.upkeep.enrolment import enrol
from tests.kiosk.door import CODE, Door
from tests.kiosk.test_ledger_thread import rating
from wire.codec import encode_event

ROOT = Path(__file__).resolve().parents[2]
FIRST, SECOND = "kiosk-staff-1", "kiosk-staff-2"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    folder = tmp_path / "server"
    folder.mkdir()
    found = Door(folder)
    yield found
    found.close()


class Device:
    """A device and somebody in front of it."""

    def __init__(self, folder: Path, door: Door) -> None:
        self.door = door
        self.config = folder / "kiosk.toml"
        self.config.write_text('state_dir = "state"\n[screen]\nmode = "none"\n[panel]\nsimulated = "panel.sock"\n')
        self.state = folder / "state"

    def enrol(self, name: str, *words: str) -> int:
        self.door.device = name
        given = ("--server", self.door.address, "--fingerprint", self.door.authority.fingerprint, "--code", CODE)
        return main(["enrol", "--config", str(self.config), *given, *words])

    def status(self) -> int:
        return main(["status", "--config", str(self.config)])

    def hold(self, rows: int, *, delivered: int, forked_at: int | None = None) -> Path:
        path = self.ledger(FIRST)
        store = Store(path)
        store.append([encode_event(rating(number)) for number in range(rows)])
        store.remember(Progress(b"e" * 16, delivered, delivered, (), forked_at))
        store.close()
        return path

    def ledger(self, name: str) -> Path:
        return self.state / LEDGER.format(device=name)

    def who(self) -> str:
        return identity.load(self.state).device


@pytest.fixture(autouse=True)
def logging_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are run in this process, and the ways of its log belong to all tests."""
    monkeypatch.setattr("kiosk.__main__._log", lambda config: None)


@pytest.fixture
def device(tmp_path: Path, door: Door, monkeypatch: pytest.MonkeyPatch) -> Device:
    speak(monkeypatch, "en_GB.UTF-8")
    found = Device(tmp_path, door)
    assert found.enrol(FIRST) == 0
    return found


def speak(monkeypatch: pytest.MonkeyPatch, locale: str) -> None:
    monkeypatch.setenv("LC_ALL", locale)


# --- a mistake in the file -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("[screen]\ndiagonal = 5\n", "screen.diagonal: is 5. Write a number from 7 to 65."),
        ('[screen]\ninput = "sdl"\n', "screen.input: is 'sdl'. Write one of: mouse, mtdev, hidinput."),
        ('[screen]\nmode = "none"\n[panel]\nsimulated = "no/such/folder"\n', "panel.simulated: folder cannot be made: "),
    ],
)
def test_a_mistake_that_only_a_part_notices_is_told_with_the_file_s_name(
    device: Device, capsys: pytest.CaptureFixture[str], table: str, said: str
) -> None:
    device.config.write_text(f'state_dir = "state"\n{table}')
    assert main(["run", "--config", str(device.config)]) == 2
    assert capsys.readouterr().err.startswith(f"kiosk: {device.config}: {said}")


# --- enrolling again -----------------------------------------------------------------------------------------------------


def test_a_device_that_holds_undelivered_entries_is_not_enrolled_again(device: Device, capsys: pytest.CaptureFixture[str]) -> None:
    kept = device.hold(5, delivered=3)
    asked = len(device.door.asked)
    assert device.enrol(SECOND) == 2
    said = capsys.readouterr().err
    assert said.startswith("kiosk: This device holds 2 entries that the server has not stored yet")
    assert f"until all is delivered: ./vidhuk kiosk run --config {device.config}" in said
    assert f"add --force: they stay in {kept}." in said
    assert len(device.door.asked) == asked  # the code is still good
    assert device.who() == FIRST


def test_by_force_it_is_enrolled_and_the_file_is_kept_and_named(device: Device, capsys: pytest.CaptureFixture[str]) -> None:
    kept = device.hold(5, delivered=3)
    assert device.enrol(SECOND, "--force") == 0
    assert f"What the earlier identity had not delivered stays in {kept}." in capsys.readouterr().out
    assert device.who() == SECOND
    store = Store(kept)
    assert store.standing.undelivered == 2
    store.close()


def test_a_device_that_has_delivered_everything_is_enrolled_again(device: Device, capsys: pytest.CaptureFixture[str]) -> None:
    device.hold(5, delivered=5)
    assert device.enrol(SECOND) == 0
    assert "stays in" not in capsys.readouterr().out
    assert device.who() == SECOND


def test_a_device_that_has_recorded_nothing_is_enrolled_again_and_gets_no_ledger_by_being_asked(device: Device) -> None:
    assert device.enrol(SECOND) == 0
    assert not device.ledger(FIRST).exists()


def test_after_a_fork_too_it_is_run_until_all_is_delivered(device: Device, capsys: pytest.CaptureFixture[str]) -> None:
    """It begins a new stream by itself when it runs."""
    device.hold(5, delivered=2, forked_at=3)
    assert device.enrol(SECOND) == 2
    said = capsys.readouterr().err
    assert "3 entries" in said
    assert "until all is delivered" in said


def test_while_the_kiosk_runs_it_is_not_enrolled_again_even_by_force(device: Device, capsys: pytest.CaptureFixture[str]) -> None:
    device.hold(5, delivered=5)
    running = Store(device.ledger(FIRST))
    assert device.enrol(SECOND, "--force") == 2
    assert "Another kiosk is running on the ledger" in capsys.readouterr().err
    running.close()
    assert device.who() == FIRST


def test_a_damaged_ledger_is_left_behind_by_force_only(device: Device, capsys: pytest.CaptureFixture[str]) -> None:
    device.ledger(FIRST).write_bytes(b"this was a ledger once" * 400)
    assert device.enrol(SECOND) == 2
    assert "is damaged, so nobody knows what the server has not stored yet" in capsys.readouterr().err
    assert device.enrol(SECOND, "--force") == 0
    assert device.ledger(FIRST).read_bytes().startswith(b"this was a ledger once")


def test_a_damaged_identity_can_be_replaced(device: Device) -> None:
    device.hold(5, delivered=3)
    (device.state / "identity" / "key.pem").write_bytes(b"")
    assert device.enrol(SECOND) == 0
    assert device.who() == SECOND
    assert sqlite3.connect(device.ledger(FIRST)).execute("SELECT count(*) FROM rows").fetchone() == (5,)


# --- languages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "uk"),
        ({"LANG": "C.UTF-8"}, "uk"),
        ({"LANG": "uk_UA.UTF-8"}, "uk"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "uk_UA.UTF-8", "LC_ALL": "en"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": ""}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "uk"),
    ],
)
def test_the_language_is_the_one_the_terminal_asks_for(environment: dict[str, str], language: str) -> None:
    assert asked_for(environment) == language


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (1, "є 1 запис, якого сервер ще не зберіг"),
        (3, "є 3 записи, яких сервер ще не зберіг"),
        (12, "є 12 записів, яких сервер ще не зберіг"),
        (21, "є 21 запис, якого сервер ще не зберіг"),
    ],
)
def test_the_refusal_is_in_ukrainian_with_its_plurals(
    device: Device, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, rows: int, says: str
) -> None:
    speak(monkeypatch, "uk_UA.UTF-8")
    device.hold(rows, delivered=0)
    assert device.enrol(SECOND) == 2
    assert says in capsys.readouterr().err


def test_results_and_refusals_of_enrolment_are_in_ukrainian(
    device: Device, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    speak(monkeypatch, "uk_UA.UTF-8")
    assert device.enrol(SECOND) == 0
    assert f"Зареєстровано як {SECOND}. Запустіть так: ./vidhuk kiosk run" in capsys.readouterr().out
    assert device.status() == 1
    assert capsys.readouterr().out == "Зареєстровано, але ще не запущено.\n"
    device.door.refusal = 403, b'{"error": "used-code", "text": "This code has been used. Ask for a new one."}'
    assert device.enrol(SECOND) == 2
    expected = "kiosk: Сервер не зареєстрував цей пристрій (used-code). Цей код уже використано. Попросіть новий.\n"
    assert capsys.readouterr().err == expected


def test_what_only_the_server_knows_how_to_say_is_passed_on_as_it_is(device: Device, capsys: pytest.CaptureFixture[str]) -> None:
    device.door.refusal = 409, b'{"error": "name-taken", "text": "The device {x} could not be registered."}'
    assert device.enrol(SECOND) == 2
    assert "(name-taken). The device {x} could not be registered." in capsys.readouterr().err


def test_a_device_without_identity_says_so_in_ukrainian(
    tmp_path: Path, door: Door, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    speak(monkeypatch, "uk_UA.UTF-8")
    assert Device(tmp_path, door).status() == 2
    assert capsys.readouterr().err.startswith("kiosk: Цей пристрій ще не зареєстровано. Зареєструйте його: ./vidhuk kiosk enrol")


def test_the_log_keeps_english_whatever_the_terminal_asks_for(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speak(monkeypatch, "uk_UA.UTF-8")
    with pytest.raises(EnrolmentError, match="64 hexadecimal digits"):
        enrol(server="https://127.0.0.1:1", fingerprint="12", code=CODE, state_dir=state)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


SPOKEN = {"__main__.py": 7, "identity.py": 3, "upkeep/enrolment.py": 20, "upkeep/status.py": 18}
"""Modules whose sentences staff read, and about how many each has: were none found, the test would be blind."""
SPEAKING = {"say", "count", "EnrolmentError", "IdentityError", "ServerUnreachable", "LedgerInUse"}
SERVER = ROOT / "sync_server" / "fleet" / "services.py"


def sentences(path: Path) -> set[tuple[str, ...]]:
    """What a module says: constants given, by themselves or by name, to what speaks. A count has two forms, all else has one."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {
        node.target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(node.value, ast.Constant)
    }
    found: set[tuple[str, ...]] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
        values = [part.value if isinstance(part, ast.Constant) else named.get(getattr(part, "id", "")) for part in node.args]
        said = [value for value in values if isinstance(value, str)]
        if name in SPEAKING:
            found.update([tuple(said)] if name == "count" else [(sentence,) for sentence in said])
    return found


@pytest.mark.parametrize(("module", "least"), SPOKEN.items())
def test_every_sentence_that_staff_read_is_in_both_catalogues(module: str, least: int) -> None:
    said = sentences(ROOT / "kiosk" / module)
    assert len(said) >= least
    missing: list[str] = []
    texts = Texts(STAFF_LANGUAGES, missing.append, domain=STAFF)
    for language in STAFF_LANGUAGES:
        for forms in said:
            if len(forms) == 1:
                texts.say(language, *forms)
            else:
                texts.count(language, *forms, 2)
    assert missing == []


def test_every_fixed_sentence_with_which_the_server_refuses_is_in_both_catalogues() -> None:
    refusals = {
        node.args[1].value
        for node in ast.walk(ast.parse(SERVER.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "EnrolmentRefused"
        and isinstance(node.args[1], ast.Constant)
    }
    assert len(refusals) >= 4
    missing: list[str] = []
    texts = Texts(STAFF_LANGUAGES, missing.append, domain=STAFF)
    for language in STAFF_LANGUAGES:
        for sentence in refusals:
            texts.say(language, str(sentence))
    assert missing == []
