"""A server's configuration file is believed or refused at start; a refusal names the field, the reason and the fix."""

from datetime import time
from pathlib import Path

import msgspec
import pytest

from sync_server.project import config
from sync_server.project.config import Address, Backups, Broker, ConfigError, Door, Public, ServerConfig, Web, address, load, read


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return tmp_path / "server.toml"


def refusal(file: Path, text: str) -> str:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read(file)
    said = str(caught.value)
    assert said.startswith(f"{file}: "), "it says which file"
    return said.removeprefix(f"{file}: ")


WRONG = [
    ("state_dir", "state_dir = 7", "Expected `str`"),
    ("database_url", 'database_url = "mysql://x/y"', "Write postgresql://"),
    ("database_url", 'database_url = "postgresql://localhost"', "Write postgresql://user"),
    ("database_url", 'database_url = "postgresql://localhost:x/y"', "Write postgresql://user"),
    ("database_url", 'database_url = "sqlite://"', "Write sqlite:///"),
    ("database_url", 'database_url = ""', "length >= 1"),
    ("language", 'language = "fr"', "'fr'"),
    ("live_step", "live_step = 0", "`int` >= 1"),
    ("live_step", "live_step = 101", "`int` <= 100"),
    ("live_step", 'live_step = "5"', "`int`"),
    ("web.listen", '[web]\nlisten = "8080"', "Write host:port"),
    ("web.listen", '[web]\nlisten = "127.0.0.1:70000"', "Write host:port"),
    ("web.listen", '[web]\nlisten = "127.0.0.1:²"', "Write host:port"),
    ("web.listen", '[web]\nlisten = ":8080"', "Write host:port"),
    ("web.public_hosts", '[web]\npublic_hosts = "court.example"', "`array`"),
    ("web.behind_tls", '[web]\nbehind_tls = "yes"', "`bool`"),
    ("web.workers", "[web]\nworkers = 0", "`int` >= 1"),
    ("door.listen", '[door]\nlisten = "door"', "Write host:port"),
    ("door.names", "[door]\nnames = []", "length >= 1"),
    ("door.names", '[door]\nnames = ["https://court.example"]', "without https://"),
    ("door.names", '[door]\nnames = ["суд.укр"]', "no host name"),
    ("broker.embedded", "[broker]\nembedded = 1", "`bool`"),
    ("broker.listen", '[broker]\nlisten = "x"', "Write host:port"),
    ("broker.address", "[broker]\nembedded = false", 'Add address = "broker.example:8883"'),
    ("broker.address", '[broker]\nembedded = false\naddress = "broker"', "Write host:port"),
    ("broker.program", "[broker]\nprogram = 3", "`str`"),
    ("public.url", '[public]\nurl = "court.example"', "Write one such as https://"),
    ("public.url", '[public]\nurl = "https://суд.укр"', "Write one such as https://"),
    ("public.url", '[public]\nurl = "https://court.example/a b"', "Write one such as https://"),
    ("public.url", f'[public]\nurl = "https://court.example/{"a" * 200}"', "length <= 200"),
    ("backup.folder", "[backup]\nfolder = 3", "`str`"),
    ("backup.keep", "[backup]\nkeep = 0", "`int` >= 1"),
    ("backup.at", '[backup]\nat = "24:30"', "Write one such as 02:30, or off"),
    ("backup.at", '[backup]\nat = "nightly"', "Write one such as 02:30, or off"),
    ("door.listen", '[web]\nlisten = "127.0.0.1:8443"', "Give one of them another port"),
    ("broker.listen", '[broker]\nlisten = "127.0.0.1:8080"', "Give one of them another port"),
]


@pytest.mark.parametrize(("field", "text", "hint"), WRONG)
def test_a_wrong_value_is_named_with_its_field_and_what_to_write(file: Path, field: str, text: str, hint: str) -> None:
    said = refusal(file, text)
    assert said.startswith(f"{field}"), said
    assert hint.lower() in said.lower(), said
    assert said.endswith("."), "a sentence"
    assert "$" not in said


def test_every_field_has_a_wrong_value_above() -> None:
    nested = {"web": Web, "door": Door, "broker": Broker, "public": Public, "backup": Backups}
    fields = {name for name in ServerConfig.__struct_fields__ if name not in nested}
    fields |= {f"{table}.{name}" for table, kind in nested.items() for name in kind.__struct_fields__}
    assert fields == {field for field, *_ in WRONG}


@pytest.mark.parametrize(
    ("text", "start", "hint"),
    [
        ("live_stp = 5", "live_stp: unknown field", "Did you mean live_step?"),
        ("[web]\nlistens = 'x'", "web.listens: unknown field", "Did you mean listen?"),
        ("[broker]\nzzz = 1", "broker.zzz: unknown field", "Known here: embedded, listen, address, program."),
        ("[kiosk]\nx = 1", "kiosk: unknown field", "Known here:"),
        ("base = '/x'", "base: unknown field", "Known here:"),
        ("web = 3", "web: ", "object"),
    ],
)
def test_an_unknown_field_is_named_with_the_one_that_was_meant(file: Path, text: str, start: str, hint: str) -> None:
    said = refusal(file, text)
    assert said.startswith(start), said
    assert hint in said, said


@pytest.mark.parametrize("text", ["live_step = ", "[web", "live_step = 5\nlive_step = 6"])
def test_a_file_that_is_no_toml_is_refused_with_the_place(file: Path, text: str) -> None:
    said = refusal(file, text)
    assert said.startswith("not valid TOML")
    assert "line" in said


def test_a_file_in_another_encoding_is_refused(file: Path) -> None:
    file.write_bytes('state_dir = "стан"'.encode("cp1251"))
    with pytest.raises(ConfigError, match="not valid TOML"):
        read(file)


def test_a_file_that_is_not_there_or_no_file_is_said_so(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        read(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path)


def test_an_empty_file_is_a_server_with_defaults_beside_it(file: Path) -> None:
    file.write_text("")
    made = read(file)
    assert made.state_dir == (file.parent / config.DEFAULT_STATE).resolve()
    assert msgspec.structs.replace(made, state_dir=Path(config.DEFAULT_STATE)) == ServerConfig()


def test_relative_paths_start_from_the_files_own_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('state_dir = "here/state"')
    monkeypatch.chdir("/")
    assert read(file).state_dir == file.parent / "here" / "state"
    assert read(file).backup_dir == file.parent / "here" / "state" / "backups"
    file.write_text('state_dir = "here/state"\n[backup]\nfolder = "there"')
    assert read(file).backup_dir == file.parent / "there"


def test_the_daily_backup_has_a_time_of_day_or_is_off(file: Path) -> None:
    assert ServerConfig().backup.daily == time(2, 30)
    file.write_text('[backup]\nat = "off"')
    assert read(file).backup.daily is None


def test_the_environments_database_wins_and_is_checked_too(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('database_url = "postgresql://a/b"')
    monkeypatch.setenv("DATABASE_URL", "postgresql://c/d")
    assert read(file).database_url == "postgresql://c/d"
    monkeypatch.setenv("DATABASE_URL", "oracle://c/d")
    with pytest.raises(ConfigError, match="oracle"):
        read(file)
    monkeypatch.delenv(config.VARIABLE, raising=False)
    with pytest.raises(ConfigError, match="DATABASE_URL: database_url: it begins with"):
        load()


def test_the_file_named_by_the_environment_is_the_one_in_force(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("live_step = 9")
    monkeypatch.setenv(config.VARIABLE, str(file))
    assert load().live_step == 9


@pytest.mark.parametrize(
    ("text", "found"),
    [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:8443", ("::1", 8443)), ("court.example:65535", ("court.example", 65535))],
)
def test_addresses_are_read_and_written_alike(text: str, found: tuple[str, int]) -> None:
    assert address(text) == Address(*found)
    assert str(address(text)) == text


def test_a_broker_that_listens_everywhere_is_found_by_the_doors_name(file: Path) -> None:
    file.write_text('[door]\nnames = ["court.example"]\n[broker]\nlisten = "0.0.0.0:8883"')
    assert read(file).broker_address == Address("court.example", 8883)
    file.write_text('[broker]\nembedded = false\naddress = "mqtt.example:1"')
    assert read(file).broker_address == Address("mqtt.example", 1)
