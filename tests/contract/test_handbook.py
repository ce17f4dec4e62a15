"""What the handbook tells facility staff to write and to type is run, in both languages."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from kiosk import __main__ as kiosk_commands
from kiosk import config as kiosk_config
from kiosk.screen.settings import ScreenSettings
from kiosk.texts import LANGUAGES as SHOWN_TO_VISITORS
from kiosk.texts import Texts
from sync_server import __main__ as server_commands
from sync_server.courts import files as court_file
from sync_server.project import config as server_config
from wire.envelopes import Timings
from workbench import bootstrap, demo
from workbench.bench import cli as bench

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("uk", "en")
PARSERS = {"server": server_commands._parser, "kiosk": kiosk_commands._parser, "demo": demo._parser}


def blocks(language: str, kind: str, page: str = "facility") -> list[str]:
    text = (ROOT / "docs" / language / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_configuration_files_are_valid_as_printed(language: str, tmp_path: Path) -> None:
    server, kiosk = blocks(language, "toml")
    (tmp_path / "server.toml").write_text(server, encoding="utf-8")
    (tmp_path / "kiosk.toml").write_text(kiosk, encoding="utf-8")
    read = server_config.read(tmp_path / "server.toml")
    assert read.web.behind_tls
    assert str(read.broker_address) == "vidhuk.court.example:8883"
    assert str(read.gateway_address) == "127.0.0.1:8883"
    assert kiosk_config.read(tmp_path / "kiosk.toml").number == "17"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_setting_up_commands_work_one_after_another_on_an_empty_folder(language: str, tmp_path: Path) -> None:
    (commands,) = blocks(language, "sh")
    (tmp_path / "server.toml").write_text('state_dir = "state"\n')
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env.pop("VIDHUK_SERVER_CONFIG", None)
    ran = []
    for line in commands.strip().splitlines():
        program, side, command, *words = shlex.split(line)
        assert (program, side) == ("./vidhuk", "server")
        if command == "run":
            continue  # started for real elsewhere
        if command == "createadmin":
            words.append("--password-stdin")
        done = subprocess.run(
            [sys.executable, "-P", "-m", "sync_server", command, *words],
            cwd=tmp_path,
            env=env,
            input="vysokyi-berih-17\n",
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        ran.append(command)
    assert ran == ["createadmin", "add-court", "add-exit"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_setting_the_handbook_names_exists(language: str) -> None:
    server, kiosk = (tomllib.loads(block) for block in blocks(language, "toml"))
    assert set(server) <= set(server_config.ServerConfig.__struct_fields__)
    assert set(kiosk) <= set(kiosk_config.KioskConfig.__struct_fields__)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_whole_device_s_file_is_valid_as_printed(language: str, tmp_path: Path) -> None:
    device, _ = blocks(language, "toml", "device")
    file = tmp_path / "kiosk.toml"
    file.write_text(device, encoding="utf-8")
    read = kiosk_config.read(file)
    wires = read.panel.contacts
    assert [name for name in wires if name.startswith("face:")] == [f"face:{value}" for value in range(1, 6)]
    assert wires["face:5"].active_high
    assert {"key:access", "key:next", "key:choose", "door:main"} <= set(wires)
    assert ScreenSettings.parse(read.screen, state_dir=tmp_path).mounting_mm == 850
    # What the text offers besides.
    for before, more in (
        ("[audio]\n", "wake_ms = 400\n"),
        ("[panel]\n", "buzzer = 12\n"),
        ("[screen]\n", "hold_to_clean = false\n"),
    ):
        assert f"`{more.strip()}`" in (ROOT / "docs" / language / "device.md").read_text(encoding="utf-8")
        file.write_text(device.replace(before, before + more), encoding="utf-8")
        ScreenSettings.parse(kiosk_config.read(file).screen, state_dir=tmp_path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_court_s_file_is_valid_as_printed(language: str, tmp_path: Path) -> None:
    _, court = blocks(language, "toml", "device")
    file = tmp_path / "court.toml"
    file.write_text(court, encoding="utf-8")
    read = court_file.load(file, timezone="Europe/Kyiv", name={"uk": "Суд"})
    assert read.languages == SHOWN_TO_VISITORS
    assert read.hours is not None
    assert read.hours.week[0] == [(9 * 60, 13 * 60), (13 * 60 + 45, 18 * 60)]
    assert read.hours.days == {"2026-12-25": []}
    assert read.timings == Timings(), "the handbook shows what is usual"


def test_both_languages_show_the_same_files() -> None:
    uk, en = ([tomllib.loads(block) for block in blocks(language, "toml", "device")] for language in LANGUAGES)
    assert uk == en


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_handbook_quotes_stands_on_the_screen(language: str) -> None:
    page = (ROOT / "docs" / language / "device.md").read_text(encoding="utf-8")
    texts = Texts([language], pytest.fail)
    for message in ("Easier to use", "Repeat", "Louder"):
        assert texts.say(language, message) in page


COMMAND = re.compile(r"`(\./vidhuk [^`\n]+)`|^(\./vidhuk .+)$", re.MULTILINE)


def named() -> list[str]:
    """Every command that the handbook or the README names, in a block or within a sentence."""
    pages = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]
    return sorted({one or other for page in pages for one, other in COMMAND.findall(page.read_text(encoding="utf-8"))})


@pytest.mark.parametrize("command", named())
def test_every_command_that_is_named_is_understood(command: str) -> None:
    """What a reader types is read as the program reads it; nothing is run."""
    written = command.replace("enrol …", "enrol --config FILE --server HOST --fingerprint HEX --code CODE")
    _, side, *words = shlex.split(written)
    if words == ["--help"] or side not in PARSERS | {"bench": None}:
        assert side in (*bootstrap.COMMANDS, "--help")
    elif side == "bench":
        options, own = bench._parser().parse_known_args(words)
        if options.name != "list":
            bench._own_parser(bench.load(options.name)).parse_args(own)
    else:
        PARSERS[side]().parse_args(words)
