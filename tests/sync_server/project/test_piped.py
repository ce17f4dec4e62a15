"""A command whose reader goes away, as in `status | head`, ends without a word; any other pipe that breaks is told."""

import os
import subprocess
from pathlib import Path

import pytest

from sync_server.__main__ import main
from tests.support.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    made = Server(tmp_path_factory.mktemp("server"))
    made.command("init")
    return made


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["at the end", "in the middle"])
@pytest.mark.parametrize("words", [("status",), ("status", "--json"), ("backups",)], ids=" ".join)
def test_a_reader_who_goes_away_ends_the_command_quietly(server: Server, words: tuple[str, ...], unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as gone:
        env = server.env | {"PYTHONUNBUFFERED": unbuffered}
        done = subprocess.run(
            server.argv(*words), env=env, cwd=server.folder, stdout=gone, stderr=subprocess.PIPE, text=True, timeout=120
        )
    assert (done.returncode, done.stderr) == (141, "")


def test_a_pipe_to_somebody_else_that_breaks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("sync_server.keeping.daily.DailyBackup", broken)
    monkeypatch.setenv("VIDHUK_SERVER_CONFIG", "whatever it was, it is so again afterwards")
    file = tmp_path / "server.toml"
    file.write_text('state_dir = "state"\n')
    assert main(["daily", "--config", str(file)]) == 1
    assert capsys.readouterr().err == "[Errno 32] Broken pipe\n"
