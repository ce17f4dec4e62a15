"""What the handbook tells facility staff to write and to type is run, in both languages."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from kiosk import config as kiosk_config
from sync_server.project import config as server_config

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("uk", "en")


def blocks(language: str, kind: str) -> list[str]:
    text = (ROOT / "docs" / language / "facility.md").read_text(encoding="utf-8")
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
