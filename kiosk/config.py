"""The kiosk's configuration: one TOML file, validated at start. What is wrong is said with file, field, reason and fix."""

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from kiosk.errors import ConfigError

PinNumber = Annotated[int, msgspec.Meta(ge=0, le=27)]
FaceValue = Annotated[str, msgspec.Meta(pattern=r"\A[1-9]\Z")]
SCREENS: Final = ("window", "none")


class Panel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Face buttons and their lamps: simulated over a Unix socket, or on GPIO pins (BCM numbers by face value)."""

    simulated: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    buttons: dict[FaceValue, PinNumber] = {}
    lamps: dict[FaceValue, PinNumber] = {}
    pull: Literal["up", "down"] = "up"
    debounce_ms: Annotated[int, msgspec.Meta(ge=0, le=500)] = 20

    def __post_init__(self) -> None:
        """Refuses what contradicts itself."""
        if self.simulated and (self.buttons or self.lamps):
            raise ValueError("has simulated buttons and real ones")
        pins = [*self.buttons.values(), *self.lamps.values()]
        if twice := sorted({pin for pin in pins if pins.count(pin) > 1}):
            raise ValueError(f"uses pin {twice[0]} twice")


class Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the device talks to its server. `keepalive_s` bounds how long a dead connection goes unnoticed."""

    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=300)] = 20


class Audio(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Voice and sounds. `device` is the name that ALSA knows the headset or speaker by (`aplay -L` lists them); `quiet_volume` is
    what is left of the voice's loudness in the court's quiet hours, where 1 leaves all of it, as for a headset."""

    enabled: bool = True
    device: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] = "default"
    quiet_volume: Annotated[float, msgspec.Meta(ge=0.1, le=1)] = 0.5


class KioskConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything the device is told by its file. What the court wants asked comes from the server."""

    state_dir: Path
    clock: Literal["system", "trusted"] = "system"
    number: Annotated[str, msgspec.Meta(max_length=16)] = ""
    retention_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 30
    log: Literal["text", "json"] = "text"
    screen: dict[str, Any] = {}
    panel: Panel = Panel()
    link: Link = Link()
    audio: Audio = Audio()

    @property
    def has_window(self) -> bool:
        """Whether the device has a touchscreen."""
        return bool(self.screen.get("mode", "window") == "window")


KNOWN: Final = {
    "": KioskConfig.__struct_fields__,
    "panel": Panel.__struct_fields__,
    "link": Link.__struct_fields__,
    "audio": Audio.__struct_fields__,
}
FIXES: Final = {
    "state_dir": 'Write the folder where the device keeps its ledger and keys, for instance state_dir = "state".',
    "clock": 'Write clock = "system", or "trusted" where the kernel does not say whether the clock is right.',
    "number": 'Write the short number staff know the device by, in quotation marks: number = "17".',
    "retention_days": "Write a whole number of days from 1 to 3650.",
    "log": 'Write log = "text" or log = "json".',
    "screen": 'Write mode = "window" for a touchscreen or mode = "none" for buttons only.',
    "panel": 'Write simulated = "panel.sock", or [panel.buttons] and [panel.lamps] with face = pin, for instance 1 = 17.',
    "link": "Write keepalive_s as a whole number of seconds from 5 to 300.",
    "audio": 'Write enabled = true or false, device = "default" or a name from aplay -L, quiet_volume as a number from 0.1 to 1.',
}

_where = re.compile(r"\A(?P<what>.*?)(?: - at `(?:key in )?\$\.?(?P<path>[^`]*)`)?\Z", re.DOTALL)
_unknown = re.compile(r"unknown field `(?P<name>[^`]*)`")
_missing = re.compile(r"missing required field `(?P<name>[^`]*)`")


def read(path: Path) -> KioskConfig:
    """The configuration in the file at `path`; relative folders start from the file's own. Raises `ConfigError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError("file", f"{path} does not exist.", "Give the right one with --config.") from None
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigError("file", f"{path} cannot be read: {fault}.", "Mend its rights or its encoding (UTF-8).") from None
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise ConfigError("file", f"is not TOML: {fault}.", "Mend that line.", file=str(path)) from None
    try:
        return parse(table, folder=path.resolve().parent)
    except ConfigError as fault:
        raise fault.within(str(path)) from None


def parse(table: dict[str, Any], *, folder: Path) -> KioskConfig:
    """The configuration in a parsed file. Raises `ConfigError`."""
    try:
        config = msgspec.convert(table, KioskConfig, dec_hook=_path)
    except msgspec.ValidationError as fault:
        raise _explained(str(fault)) from None
    return check(msgspec.structs.replace(config, state_dir=folder / config.state_dir))


def check(config: KioskConfig) -> KioskConfig:
    """The same, if its parts agree with one another. Raises `ConfigError`."""
    if (mode := config.screen.get("mode", "window")) not in SCREENS:
        raise ConfigError("screen.mode", f"is {mode!r}.", FIXES["screen"])
    if not config.has_window and not (config.panel.simulated or config.panel.buttons):
        raise ConfigError("panel", "has no buttons, and there is no screen: nobody could rate anything.", FIXES["panel"])
    return config


def _path(wanted: type, given: Any) -> Any:
    if wanted is not Path or not isinstance(given, str) or not given:
        raise ValueError("Expected the name of a folder")
    return Path(given)


def _explained(said: str) -> ConfigError:
    """What msgspec said, in the words of the file."""
    found = _where.match(said)
    what, path = (found["what"], found["path"] or "") if found else (said, "")
    if (missing := _missing.search(what)) is not None:
        field = _joined(path, missing["name"])
        return ConfigError(field, "is missing.", FIXES.get(field.partition(".")[0], ""))
    if (unknown := _unknown.search(what)) is not None:
        known = KNOWN.get(path, ())
        near = difflib.get_close_matches(unknown["name"], known, n=1)
        fix = f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(known)}."
        return ConfigError(_joined(path, unknown["name"]), "is not a setting.", fix)
    field = path or "file"
    return ConfigError(field, f"{what[:1].lower()}{what[1:]}.", FIXES.get(field.partition(".")[0].partition("[")[0], ""))


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
