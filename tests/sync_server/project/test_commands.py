"""The server's commands: one group that heals itself, or separate parts against a given broker and PostgreSQL."""

import json
import signal
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import requests

from sync_server.project.config import Address
from sync_server.project.supervisor import PartFailed, require_free
from tests.support.postgresql import PostgreSQL
from tests.support.server import ROOT, Server, descendants, stop_all
from tests.support.tools import find_tool
from tests.support.waiting import accepts_connections, until
from tests.sync_server.device import Source
from workbench.processes import Child

PARTS = ("broker", "gateway", "tally", "speech", "daily", "door", "web")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.stop()


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists() and "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()]


def test_a_part_that_dies_is_started_again_and_everything_stops_together(server: Server) -> None:
    server.start()
    assert server.child is not None
    for part in PARTS:
        before = until(lambda part=part: server.pids_of(part), f"{part} runs")
        server.kill_part(part, only_first=True)
        until(lambda part=part, before=before: set(server.pids_of(part)) - set(before), f"{part} is started again")
        until(lambda before=before: not alive(before), f"nothing of the former {part} is left")
    server.wait()
    said = (server.folder / "run.log").read_text()
    for part in PARTS:
        assert f"The part {part} has ended (exit code -9); starting it again in 0.5 s." in said
    everything = descendants(server.child.pid)
    assert len(everything) >= len(PARTS)
    assert server.child.stop() == 0
    until(lambda: not alive(everything), "nothing is left running")
    assert "Traceback" not in said


def test_when_the_group_itself_is_killed_nothing_of_it_stays(server: Server) -> None:
    server.start()
    assert server.child is not None
    assert server.child.process is not None
    everything = descendants(server.child.pid)
    server.child.process.send_signal(signal.SIGKILL)
    server.child.process.wait()
    until(lambda: not alive(everything), "nothing is left running")


@pytest.mark.parametrize("part", ["web", "door", "broker"])
def test_a_port_in_use_is_one_sentence(server: Server, part: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", server.ports[part]))
        taken.listen()
        said = server.try_command("run")
    assert said.returncode == 1
    last = said.stderr.strip().splitlines()[-1]
    assert last.startswith(f"{part}.listen: 127.0.0.1:{server.ports[part]} cannot be used")
    assert last.endswith("Stop what uses it, or write another port.")
    assert "Traceback" not in said.stderr


def test_an_address_that_is_not_ours_is_one_sentence() -> None:
    with pytest.raises(PartFailed, match=r"web\.listen: 192\.0\.2\.1:80 cannot be used"):
        require_free({"web": Address("192.0.2.1", 80)})


@pytest.mark.parametrize(
    ("more", "broker", "sentence"),
    [
        ("live_stp = 1", "", "live_stp: unknown field. Did you mean live_step?"),
        ("", 'program = "no-such-broker"', "The broker 'no-such-broker' is not installed."),
    ],
)
def test_a_server_that_cannot_start_says_why_in_one_sentence(tmp_path: Path, more: str, broker: str, sentence: str) -> None:
    said = Server(tmp_path, more=more, broker=broker).try_command("run")
    assert said.returncode == 1
    assert sentence in said.stderr
    assert "Traceback" not in said.stderr


def test_a_state_directory_that_cannot_be_made_is_said_in_one_sentence(server: Server) -> None:
    (server.folder / "state").write_text("a file where a folder should be")
    said = server.try_command("init")
    assert said.returncode == 1
    assert str(server.folder / "state") in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize("part", ["gateway", "door"])
def test_a_part_started_before_the_keys_were_made_says_so(server: Server, part: str) -> None:
    said = server.try_command(part)
    assert said.returncode != 0
    assert "init" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_database_that_is_not_there_is_said_and_no_traceback(tmp_path: Path) -> None:
    said = Server(tmp_path, database_url="postgresql://nobody:x@127.0.0.1:1/none").try_command("migrate")
    assert said.returncode == 1
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    "word",
    [
        *("run", "init", "web", "door", "gateway", "tally", "speech", "daily", "check", "migrate"),
        *("backup", "backups", "retire", "restore"),
        *("createadmin", "set-court", "show-court", "enrol-code", "place"),
    ],
)
def test_help_reads_well(server: Server, word: str) -> None:
    said = server.try_command(word, "--help")
    assert said.returncode == 0
    assert "usage: ./vidhuk server" in said.stdout
    assert "--config FILE" in said.stdout


def test_an_exit_that_is_not_there_is_said_so(server: Server) -> None:
    server.command("init")
    said = server.try_command("enrol-code", "--exit", "99")
    assert (said.returncode, said.stderr.strip()) == (1, "There is no exit 99. See list-exits.")


def test_separate_parts_work_against_a_given_broker_and_postgresql(tmp_path: Path, postgresql: PostgreSQL) -> None:
    with psycopg.connect(postgresql.url, autocommit=True) as admin:
        admin.execute("CREATE DATABASE parts")
    url = postgresql.url.removesuffix("/vidhuk") + "/parts"
    server = Server(tmp_path, database_url=url)
    running: list[Child] = []
    try:
        exit = server.set_up()
        # Somebody else's broker, which happens to use the files that `init` has written.
        file = server.state / "broker" / "mosquitto.conf"
        running.append(Child("broker", [find_tool("mosquitto", "mosquitto"), "-c", str(file)], log=tmp_path / "broker.log").start())
        text = server.config.read_text()
        given = f'embedded = false\naddress = "127.0.0.1:{server.ports["broker"]}"'
        server.config.write_text(text.replace("[broker]\n", f"[broker]\n{given}\n"))
        running += [server.part(part) for part in ("gateway", "gateway", "tally", "tally", "door", "web")]
        until(lambda: all(accepts_connections(port) for port in server.ports.values()), "everything listens")
        line = server.enrolled(exit, "kiosk-parts-1").connect()
        running.append(line)  # type: ignore[arg-type]
        source = Source(line.device, line.key)
        source.rate(5, 4, 4, at=datetime.now(UTC))

        def acknowledged() -> bool:
            # A gateway that is still connecting hears nothing; a device sends again.
            line.send("up", source.batch())
            return not line.heard["down"].empty()

        until(acknowledged, "the batch is acknowledged", every=0.3)
        line.ack_through(3)
        with psycopg.connect(url, autocommit=True) as reader:

            def counted() -> list[tuple[int, int]]:
                return reader.execute("SELECT v5, v4 FROM results_tally").fetchall()

            until(lambda: counted() == [(1, 2)], "the tally says one five and two fours")
        alive_page = requests.get(f"http://127.0.0.1:{server.ports['web']}/sign-in/", timeout=30)
        assert alive_page.status_code == 200
        for child in running[:-1]:
            child.check()
    finally:
        stop_all(running)


def test_the_code_as_json_has_all_that_a_device_must_be_told(server: Server) -> None:
    exit = server.set_up()
    said = json.loads(server.command("enrol-code", "--exit", exit, "--json"))
    assert said.keys() == {"code", "device", "server", "fingerprint"}
    assert said["server"] == f"https://localhost:{server.ports['door']}"
    assert len(said["fingerprint"]) == 64


# --- backups -------------------------------------------------------------------------------------------------------------------


def test_backups_are_made_listed_and_retired_by_name(server: Server) -> None:
    server.command("init")
    assert "There is no backup in" in server.command("backups")
    made = Path(server.command("backup").split()[0])
    assert made.parent == server.state / "backups"
    assert server.command("backups").startswith(f"{made.name}  ")
    server.command("retire", made.name)
    assert "  retired on " in server.command("backups")
    refused = server.try_command("restore", made.name)
    assert refused.returncode == 1
    assert refused.stderr.endswith("Restore a newer one, or this one with --force.\n")


def test_a_damaged_backup_is_listed_as_such_and_told_by_the_exit_code(server: Server) -> None:
    server.command("init")
    made = Path(server.command("backup").split()[0])
    database = made / "server.sqlite3"
    database.write_bytes(database.read_bytes()[:-1] + b"?")
    assert server.try_command("backups").returncode == 0
    said = server.try_command("backups", "--check")
    assert (said.returncode, "DAMAGED: server.sqlite3 was altered" in said.stdout) == (1, True)


def test_the_daily_backup_is_off_where_it_is_configured_so(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.config.write_text(server.config.read_text() + '[backup]\nat = "off"\n')
    said = server.try_command("daily")
    assert (said.returncode, said.stderr.strip()) == (1, "backup.at is off: no backup is made by itself.")


def test_nothing_is_backed_up_before_there_are_tables(server: Server) -> None:
    said = server.try_command("backup")
    assert said.returncode == 1
    assert "Run first: ./vidhuk server init" in said.stderr
    assert "Traceback" not in said.stderr


# --- a court's settings -------------------------------------------------------------------------------------------------------


def test_what_show_court_prints_can_be_changed_and_set_again(server: Server) -> None:
    server.set_up()
    printed = server.command("show-court", "court")
    assert "# court, Europe/Kyiv" in printed
    assert printed.rstrip().endswith("en: not made yet")
    file = server.folder / "court.toml"
    file.write_text(printed.replace("question = 30", "question = 45").replace('["uk", "en"]', '["uk", "crh"]'), encoding="utf-8")
    said = server.command("set-court", "court", "--file", str(file))
    assert "within two minutes" in said
    again = server.command("show-court", "court")
    assert "question = 45" in again
    assert 'languages = ["uk", "crh"]' in again
    assert "crh: none, espeak-ng has no voice" in again


def test_a_crest_that_is_set_can_be_got_back_to_be_set_again(server: Server) -> None:
    server.set_up()
    said = server.try_command("show-court", "court", "--crest", str(server.folder / "got.png"))
    assert (said.returncode, said.stderr.strip()) == (1, "court has no crest.")
    (server.folder / "crest.png").write_bytes((ROOT / "workbench" / "crest.png").read_bytes())
    file = server.folder / "court.toml"
    file.write_text('accent = "#6A1B4D"\ncrest = "crest.png"\n', encoding="utf-8")
    server.command("set-court", "court", "--file", str(file))
    printed = server.command("show-court", "court", "--crest", str(server.folder / "got.png"))
    assert 'crest = "got.png"' in printed
    file.write_text(printed, encoding="utf-8")
    server.command("set-court", "court", "--file", str(file))
    assert server.command("show-court", "court", "--crest", str(server.folder / "got.png")) == printed


def test_a_language_without_a_voice_is_named_by_check(server: Server) -> None:
    server.set_up()
    assert "No voice" not in server.command("check")
    file = server.folder / "court.toml"
    file.write_text('languages = ["uk", "crh"]')
    server.command("set-court", "court", "--file", str(file))
    assert "No voice for crh" in server.command("check")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('languages = ["uk", "de"]', ("court.toml, the top of the file, field “languages”", "no words in “de”", "bg, crh, en")),
        ("[timings]\nquestion = 1", ("court.toml, timings, field “question”", "Write seconds from 3 to 600.")),
        ("[hours]\nmonday = []", ("court.toml, hours, field “tuesday”: is missing. ", "or [] for closed")),
        ("languages = ", ("court.toml, the file: is not TOML (",)),
        ('accent = "#FFB6C1"', ("field “accent”: “#FFB6C1” stands out only 1.6:1", "text needs 7:1", "Write a darker colour.")),
        ('crest = "court.toml"', ("field “crest”: “court.toml” is no PNG", "Save the picture as PNG.")),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence_and_changes_nothing(server: Server, text: str, words: tuple[str, ...]) -> None:
    server.set_up()
    before = server.command("show-court", "court")
    file = server.folder / "court.toml"
    file.write_text(text, encoding="utf-8")
    said = server.try_command("set-court", "court", "--file", str(file))
    assert said.returncode == 1
    assert "Traceback" not in said.stderr
    for word in words:
        assert word in said.stderr
    assert server.command("show-court", "court") == before


def test_a_court_or_a_file_that_is_not_there_is_said_so(server: Server) -> None:
    server.set_up()
    said = server.try_command("show-court", "nowhere")
    assert (said.returncode, said.stderr.strip()) == (1, "There is no court 'nowhere'. See list-exits, or make one with add-court.")
    said = server.try_command("set-court", "court", "--file", str(server.folder / "none.toml"))
    assert said.returncode == 1
    assert "none.toml, the file" in said.stderr
