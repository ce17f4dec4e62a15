"""The server's configuration: one TOML file, validated at start. What is wrong is said with the field, the reason and the fix.

The file is named by `VIDHUK_SERVER_CONFIG`; `DATABASE_URL` overrides its `database_url`, so that a password need not stand in it.
Imports no Django, so that a bad file is reported before anything else can go wrong.
"""

import difflib
import os
import re
import secrets
import tomllib
from datetime import datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec

from sync_server.project.database import database

VARIABLE: Final = "VIDHUK_SERVER_CONFIG"
EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Addresses that mean all of a machine's, and where the machine itself finds what listens there."""
DEFAULT_STATE: Final = "var/server"

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=253)]


class ConfigError(ValueError):
    """A configuration nobody can start with. The text names file, field, reason and fix."""


class Address(NamedTuple):
    """Where something listens or is found."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class Web(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The pages people read. Plain HTTP: on loopback, or behind the court's own TLS proxy."""

    listen: Text = "127.0.0.1:8080"
    public_hosts: list[Text] = []
    behind_tls: bool = False
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1


class Door(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """HTTPS for devices, with a certificate of the installation's own CA. `names` are what devices call this machine."""

    listen: Text = "127.0.0.1:8443"
    names: Annotated[list[Text], msgspec.Meta(min_length=1)] = msgspec.field(default_factory=lambda: ["localhost", "127.0.0.1"])


class Broker(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """MQTT. With `embedded`, `run` starts Mosquitto as its own child; otherwise `address` is a broker that trusts our CA."""

    embedded: bool = True
    listen: Text = "127.0.0.1:8883"
    address: Text | None = None
    program: Text = "mosquitto"


class Backups(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where backups are made, how many may be restored at a time, and at what time of this machine's day one is made by itself.

    A relative `folder` starts from the file's own; none: `backups` in the state directory. Better on another disk.
    """

    folder: Path | None = None
    keep: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 14
    at: Text = "02:30"

    @property
    def daily(self) -> time | None:
        """When the daily backup is due; none: `off`. Raises `ValueError` for what is no time of day."""
        return None if self.at == "off" else datetime.strptime(self.at, "%H:%M").time()  # noqa: DTZ007  a time of day has no zone


class Public(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What visitors reach with their own phones: the address that kiosks show as a QR code; none, and they show no code."""

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None


class ServerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything the server is told from outside. A relative `state_dir` starts from the file's own folder."""

    state_dir: Path = Path(DEFAULT_STATE)
    database_url: Text | None = None
    language: Literal["uk", "en"] = "uk"
    live_step: Annotated[int, msgspec.Meta(ge=1, le=100)] = 5
    web: Web = Web()
    door: Door = Door()
    broker: Broker = Broker()
    public: Public = Public()
    backup: Backups = Backups()

    @property
    def secret_key(self) -> str:
        """Django's key: made by `init` and kept in the state directory. Before that, one that holds for this process only."""
        return _secret_key(self.secret_key_file)

    @property
    def secret_key_file(self) -> Path:
        """Where that key is kept."""
        return self.state_dir / "secret_key"

    @property
    def backup_dir(self) -> Path:
        """Where backups are made and looked for."""
        return self.backup.folder or self.state_dir / "backups"

    @property
    def authority_dir(self) -> Path:
        """Where the installation's certificate authority keeps its keys."""
        return self.state_dir / "authority"

    @property
    def speech_dir(self) -> Path:
        """Where speech is kept that has been made for the kiosks."""
        return self.state_dir / "speech"

    @property
    def door_url(self) -> str:
        """Where devices find the door, as they are told it."""
        return f"https://{Address(self.door.names[0], self.door_address.port)}"

    @property
    def web_address(self) -> Address:
        return address(self.web.listen)

    @property
    def door_address(self) -> Address:
        return address(self.door.listen)

    @property
    def broker_address(self) -> Address:
        """Where devices find the broker. An embedded one that listens on every address is found by the door's first name."""
        found = address(self.broker.listen if self.broker.embedded else self.broker.address or "")
        return Address(self.door.names[0], found.port) if found.host in EVERYWHERE else found

    @property
    def gateway_address(self) -> Address:
        """Where the gateway finds the broker: an embedded one beside it, whatever its names resolve to from here."""
        found = self.broker_address
        listens = address(self.broker.listen)
        return Address(EVERYWHERE[listens.host], found.port) if self.broker.embedded and listens.host in EVERYWHERE else found


@lru_cache(maxsize=8)
def _secret_key(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return secrets.token_urlsafe(64)


def address(text: str) -> Address:
    """`host:port` as its two parts; an IPv6 host stands in brackets. Raises `ValueError` with the reason."""
    host, separator, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not separator or not host or not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise ValueError(f'"{text}" is not an address. Write host:port, for instance 127.0.0.1:8080.')
    return Address(host, int(port))


def load() -> ServerConfig:
    """The configuration this process runs with. Raises `ConfigError`."""
    name = os.environ.get(VARIABLE)
    if name:
        return read(Path(name))
    config = _with_environment(ServerConfig())
    _check_database("DATABASE_URL", config)
    return config


def read(path: Path) -> ServerConfig:
    """The configuration in `path`; relative paths in it start from its folder. Raises `ConfigError`."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file. Write one, or name another with --config.") from None
    except OSError as fault:
        raise ConfigError(f"{path}: cannot be read ({fault.strerror}). Give it to the user who runs the server.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ConfigError(f"{path}: not valid TOML: {fault}. Mend that line.") from None
    try:
        config = msgspec.convert(document, ServerConfig, dec_hook=_path)
    except msgspec.ValidationError as fault:
        raise ConfigError(f"{path}: {_explain(fault)}") from None
    config = _from_its_folder(config, path.parent)
    config = _with_environment(config)
    _check(path, config)
    return config


def _from_its_folder(config: ServerConfig, base: Path) -> ServerConfig:
    """The same with whole paths: relative ones start from `base`."""
    backup = config.backup
    if backup.folder is not None:
        backup = msgspec.structs.replace(backup, folder=(base / backup.folder).resolve())
    return msgspec.structs.replace(config, state_dir=(base / config.state_dir).resolve(), backup=backup)


def _with_environment(config: ServerConfig) -> ServerConfig:
    url = os.environ.get("DATABASE_URL")
    return msgspec.structs.replace(config, database_url=url) if url else config


def _path(kind: type[Any], value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"Expected `str`, got `{type(value).__name__}`")


def _check(path: Path, config: ServerConfig) -> None:
    fields = {"web.listen": config.web.listen, "door.listen": config.door.listen, "broker.listen": config.broker.listen}
    if not config.broker.embedded:
        if config.broker.address is None:
            raise ConfigError(f'{path}: broker.address: missing, although embedded = false. Add address = "broker.example:8883".')
        fields["broker.address"] = config.broker.address
    for field, value in fields.items():
        try:
            address(value)
        except ValueError as fault:
            raise ConfigError(f"{path}: {field}: {fault}") from None
    for name in config.door.names:
        if not _HOST.fullmatch(name):
            raise ConfigError(
                f'{path}: door.names: "{name}" is no host name and no IP address. Write it without https:// and port.'
            )
    if config.public.url is not None and not _URL.fullmatch(config.public.url):
        raise ConfigError(
            f'{path}: public.url: "{config.public.url}" is no web address. Write one such as https://court.example/vidhuk.'
        )
    try:
        _ = config.backup.daily
    except ValueError:
        raise ConfigError(f'{path}: backup.at: "{config.backup.at}" is no time of day. Write one such as 02:30, or off.') from None
    _check_database(path, config)
    taken: dict[str, str] = {}
    for field in ("web.listen", "door.listen", *(["broker.listen"] if config.broker.embedded else [])):
        value = fields[field]
        if value in taken:
            raise ConfigError(f"{path}: {field}: {value} is {taken[value]} already. Give one of them another port.")
        taken[value] = field


def _check_database(place: Path | str, config: ServerConfig) -> None:
    try:
        database(config.database_url, state_dir=config.state_dir)
    except ValueError as fault:
        raise ConfigError(f"{place}: database_url: {fault}") from None


_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_URL: Final = re.compile(r"https?://[A-Za-z0-9\[][!-~]*")
"""What a phone's camera takes for an address: no spaces, and only the letters that need no encoding."""
_FIELDS: Final[dict[str, type[msgspec.Struct]]] = {
    "": ServerConfig,
    "web": Web,
    "door": Door,
    "broker": Broker,
    "public": Public,
    "backup": Backups,
}


def _explain(fault: msgspec.ValidationError) -> str:
    """msgspec's own words, turned round: the field first, then the reason, then the fix."""
    text = str(fault)
    reason, _, place = text.partition(" - at `$")
    field = place.removesuffix("`").removeprefix(".")
    unknown = re.search(r"unknown field `([^`]*)`", reason)
    if unknown:
        known = _FIELDS.get(field, ServerConfig).__struct_fields__
        near = difflib.get_close_matches(unknown[1], known, n=1)
        fix = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(known)}."
        return f"{'.'.join(filter(None, (field, unknown[1])))}: unknown field. {fix}"
    return f"{field or 'file'}: {reason[0].lower()}{reason[1:]}. Change it to that."
