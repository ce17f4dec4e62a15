"""The parts around the core: clocks, the loop without a screen, the status file, and an unsynchronised clock's way into TLS."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
import structlog.testing

from kiosk import config as configuration
from kiosk.clock import SystemClock
from kiosk.device import face
from kiosk.errors import ConfigError
from kiosk.headless import QueueLoop
from kiosk.links.mqtt import Broker
from kiosk.texts import STAFF, STAFF_LANGUAGES, Texts
from kiosk.upkeep import status
from kiosk.upkeep.notices import Notices
from tests.kiosk.authority import Authority
from wire.envelopes import Clock as ClockReading
from wire.envelopes import Fork, Gap, Health

REPORT = Health(1, ClockReading(b"b" * 16, 0, 0, True), 5, 120, 100, 3 * 2**30, "test", 7, [])


def test_both_clocks_run_and_name_the_same_boot() -> None:
    clock = SystemClock("trusted")
    first, second = clock.stamp(), clock.stamp()
    assert first.boot == second.boot
    assert len(first.boot) == 16
    assert second.monotonic >= first.monotonic >= 0
    assert first.synchronised
    assert abs(first.wall - time.time() * 1000) < 60_000


def test_the_kernels_word_on_the_clock_is_a_plain_yes_or_no() -> None:
    assert SystemClock("system").stamp().synchronised in (True, False)


def test_the_loop_runs_what_is_posted_in_order_and_ends_when_told() -> None:
    loop = QueueLoop(SystemClock("trusted"))
    done: list[object] = []
    for number in range(3):
        loop.post(lambda number=number: done.append(number))  # type: ignore[misc]
    loop.post(lambda: done.append(threading.current_thread().name))
    loop.post(loop.stop)
    loop.run()
    assert done == [0, 1, 2, threading.main_thread().name]


def test_the_loop_sleeps_until_its_alarm_and_never_rings_early() -> None:
    clock = SystemClock("trusted")
    loop = QueueLoop(clock)
    rang: list[int] = []

    def ring() -> None:
        rang.append(clock.stamp().monotonic)
        loop.stop()

    due = clock.stamp().monotonic + 60
    loop.at(due + 100_000, lambda: rang.append(-1))
    loop.at(due, ring)
    loop.run()
    assert len(rang) == 1
    assert rang[0] >= due


def test_a_call_that_fails_does_not_end_the_loop() -> None:
    loop = QueueLoop(SystemClock("trusted"))
    done: list[int] = []
    loop.post(lambda: 1 // 0)
    loop.post(lambda: done.append(1))
    loop.post(loop.stop)
    loop.run()
    assert done == [1]


def test_another_thread_wakes_a_sleeping_loop() -> None:
    loop = QueueLoop(SystemClock("trusted"))
    timer = threading.Timer(0.05, lambda: loop.post(loop.stop))
    timer.start()
    loop.run()
    timer.join()


@pytest.fixture
def texts() -> Iterator[Texts]:
    """The real catalogues; a sentence that is missing fails the test."""
    missing: list[str] = []
    yield Texts(STAFF_LANGUAGES, missing.append, domain=STAFF)
    assert missing == []


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (59, "щойно"),
        (60, "1 хвилину тому"),
        (4 * 60, "4 хвилини тому"),
        (21 * 60, "21 хвилину тому"),
        (3 * 3600, "3 години тому"),
        (11 * 3600, "11 годин тому"),
        (5 * 86_400, "5 днів тому"),
        (22 * 86_400, "22 дні тому"),
    ],
)
def test_the_age_of_the_report_is_said_in_correct_ukrainian(texts: Texts, ago: int, said: str) -> None:
    found = status.of(REPORT, device="kiosk-status", up=True)
    assert status.sentences(found, found.written + ago, texts, "uk")[0].endswith(f"Останнє повідомлення: {said}.")


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", r"There is a copy of this device.* from No\. 11 on\. Switch the copy off\. Nothing is lost"),
        ("uk", r"Є копія цього пристрою.* з № 11\. Вимкніть копію\. Нічого не втрачено"),
    ],
)
def test_at_a_fork_staff_read_once_that_there_is_a_copy_and_what_to_do(texts: Texts, language: str, says: str) -> None:
    report = msgspec.structs.replace(REPORT, notes=["the crest is missing"], fork=Fork(11))
    found = status.of(report, device="kiosk-status", up=True)
    lines = status.sentences(found, found.written, texts, language)
    assert re.search(says, lines[1])
    assert sum("11" in line for line in lines) == 1
    assert any("the crest is missing" in line for line in lines)
    without = status.of(REPORT, device="kiosk-status", up=True)
    assert not any(re.search(says, line) for line in status.sentences(without, without.written, texts, language))


def test_staff_read_what_is_recorded_delivered_and_waiting(tmp_path: Path, texts: Texts) -> None:
    report = msgspec.structs.replace(REPORT, notes=["the crest is missing"], backed_through=90, waiting_since=1_795_000_000_000)
    assert status.last(tmp_path) is None
    status.keep(tmp_path, status.of(report, device="kiosk-status", up=False))
    found = status.last(tmp_path)
    assert found is not None
    assert status.sentences(found, found.written + 130, texts, "en") == [
        "kiosk-status is running. Last report: 2 minutes ago.",
        f"Recorded 120 · delivered 100 · in the backup 90 · waiting since {local(1_795_000_000)} · no gaps",
        "The server is not reached: answers are kept here meanwhile.",
        "Version of the configuration: 7.",
        "Free on the card: 3072 MiB.",
        "Note: the crest is missing",
    ]
    assert not status.is_running(found, found.written + 151)
    stopped = status.of(report, device="kiosk-status", up=False, running=False)
    assert not status.is_running(stopped, stopped.written)
    lines = status.sentences(stopped, stopped.written, texts, "en")
    assert lines[0] == "kiosk-status is not running. Last report: just now."
    assert not any("server is" in line for line in lines)
    (tmp_path / status.FILE).write_bytes(b"{")
    assert status.last(tmp_path) is None


def local(seconds: int) -> str:
    return time.strftime("%d.%m %H:%M", time.localtime(seconds))


def test_the_one_line_in_ukrainian_names_the_last_gap(texts: Texts) -> None:
    report = msgspec.structs.replace(
        REPORT, recorded=1204, stored_through=1204, backed_through=1100, gap=Gap(5, 9, 1_795_000_000_000)
    )
    line = status.line(status.of(report, device="kiosk-status", up=True), texts, "uk")
    gap = f"остання прогалина № 5–9, {local(1_795_000_000)}"
    assert line == f"Записано 1204 · доставлено 1204 · у резервній копії 1100 · нічого не чекає · {gap}"


def test_what_is_still_taken_over_from_an_earlier_stream_is_recorded_and_waits(texts: Texts) -> None:
    report = msgspec.structs.replace(REPORT, recorded=10, stored_through=10, moving=300)
    line = status.line(status.of(report, device="kiosk-status", up=True), texts, "en")
    assert line == "Recorded 310 · delivered 10 · in the backup 0 · 300 waiting, since when is not known · no gaps"


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            (
                "In the new series: recorded 200 · delivered 0 · in the backup 0 · 200 waiting, since when is not known · no gaps"
                " · before this series 4800 more, all in the backup"
            ),
        ),
        (
            "uk",
            (
                "У новому ряді: записано 200 · доставлено 0 · у резервній копії 0 · чекають: 200, відколи — невідомо"
                " · прогалин немає · до цього ряду ще 4800, усі в резервній копії"
            ),
        ),
    ],
)
def test_where_a_new_series_has_begun_the_line_says_so_and_where_the_others_are(texts: Texts, language: str, said: str) -> None:
    """The numbers fall to nothing when a stream begins anew, and nobody is to think that entries were lost."""
    report = msgspec.structs.replace(REPORT, recorded=200, stored_through=0)
    found = status.of(report, device="kiosk-status", up=True, behind=4_800)
    assert status.line(found, texts, language) == said
    assert status.sentences(found, found.written, texts, language)[2] == said
    why = {"en": "begun a new series of entries, because", "uk": "почав новий ряд записів, бо"}[language]
    assert why in status.sentences(found, found.written, texts, language)[1]


def test_a_new_series_that_left_nothing_behind_counts_nothing_before_it(texts: Texts) -> None:
    line = status.line(status.of(REPORT, device="kiosk-status", up=True, behind=0), texts, "en")
    assert line.startswith("In the new series: recorded 120")
    assert "before this series" not in line


@pytest.mark.parametrize(("language", "said"), [("en", "last gap No. 5–9, when is not known"), ("uk", "№ 5–9, коли — невідомо")])
def test_a_gap_that_no_clock_saw_is_told_without_a_time(texts: Texts, language: str, said: str) -> None:
    report = msgspec.structs.replace(REPORT, gap=Gap(5, 9))
    line = status.line(status.of(report, device="kiosk-status", up=True), texts, language)
    assert line.endswith(said)


def test_staff_read_that_the_server_is_reached_by_the_other_way(texts: Texts) -> None:
    report = msgspec.structs.replace(REPORT, way="https")
    found = status.of(report, device="kiosk-status", up=True)
    assert "The server is connected by HTTPS, because MQTT does not get through." in status.sentences(
        found, found.written, texts, "en"
    )


@pytest.mark.parametrize(("check_dates", "gets_in"), [(True, False), (False, True)])
def test_a_clock_that_nobody_vouches_for_does_not_keep_the_device_out(tmp_path: Path, check_dates: bool, gets_in: bool) -> None:
    """The server's certificate is expired as far as this device's clock can tell; its CA is the right one all the same."""
    authority = Authority.make()
    authority.give_identity(tmp_path / "state", "kiosk-1970-1", port=1)
    authority.days = (-300, -200)
    _, certificate, key = authority.server_files(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    folder = tmp_path / "state" / "identity"
    broker = Broker("127.0.0.1", 1, folder / "ca.pem", folder / "certificate.pem", folder / "key.pem")
    assert _shakes_hands(broker.tls(check_dates=check_dates), server) is gets_in


def test_a_server_of_another_ca_is_never_believed(tmp_path: Path) -> None:
    Authority.make().give_identity(tmp_path / "state", "kiosk-1970-1", port=1)
    _, certificate, key = Authority.make().server_files(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    folder = tmp_path / "state" / "identity"
    broker = Broker("127.0.0.1", 1, folder / "ca.pem", folder / "certificate.pem", folder / "key.pem")
    for check_dates in (True, False):
        assert not _shakes_hands(broker.tls(check_dates=check_dates), server)
    assert broker.tls().minimum_version == ssl.TLSVersion.TLSv1_2


def _shakes_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> bool:
    near, far = socket.socketpair()

    def serve() -> None:
        try:
            server.wrap_socket(far, server_side=True).close()
        except (ssl.SSLError, OSError):
            far.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client.wrap_socket(near, server_hostname="127.0.0.1").close()
        return True
    except ssl.SSLCertVerificationError:
        near.close()
        return False
    finally:
        thread.join()


@pytest.mark.parametrize(("table", "warned"), [({"trace": "trace.jsonl"}, True), ({}, False)])
def test_a_kiosk_that_lists_every_answer_in_a_file_warns_of_it_at_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: dict[str, str], warned: bool
) -> None:
    def no_window(*_: object, **__: object) -> None:
        raise RuntimeError("no display")

    monkeypatch.setattr("kiosk.screen.app.TouchScreen", no_window)
    config = configuration.parse({"state_dir": "state", "screen": table}, folder=tmp_path)
    with structlog.testing.capture_logs() as lines, ExitStack() as parts, pytest.raises(ConfigError):
        face.build(config, SystemClock("trusted"), Notices(), Texts((), pytest.fail), parts)
    found = [line for line in lines if line["log_level"] == "warning"]
    assert [line.get("file") for line in found] == ([str(tmp_path / "state" / "trace.jsonl")] if warned else [])
