"""The kiosk's configuration: one TOML file, validated at start. What is wrong is said with file, field, reason and fix."""

import difflib
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from kiosk.core import contacts
from kiosk.core.access import Keystroke
from kiosk.core.contacts import ContactWire, OutputWire, Pull
from kiosk.core.debounce import CHATTER
from kiosk.errors import ConfigError
from wire.events import KEY_PATTERN

PinNumber = Annotated[int, msgspec.Meta(ge=0, le=27)]
Chatter = Annotated[int, msgspec.Meta(ge=0, le=2000)]
SCREENS: Final = ("window", "none")
DOOR_WINDOW_MS: Final = 300
"""Arms and bags break a beam more than once; people who follow one another are at least twice as far apart."""


class ContactPin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A contact's wire. `active` is the level while it is pressed or passed; without it, the one opposite to `pull`."""

    pin: PinNumber
    pull: Pull | None = None
    active: Literal["low", "high"] | None = None
    debounce_ms: Chatter | None = None


class OutputPin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A lamp's or buzzer's wire. `active` is the level that switches it on."""

    pin: PinNumber
    active: Literal["low", "high"] = "high"


class Panel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is wired to GPIO pins (BCM numbers): face buttons and their lamps by face value, tactile keys by what they do, door
    sensors by name, a buzzer. `pull` and `debounce_ms` hold wherever a contact says nothing else.

    With `simulated` the same stands on a Unix socket in place of pins; if no contact is named, there is one of everything.
    """

    simulated: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    buttons: dict[str, ContactPin] = {}
    keys: dict[str, ContactPin] = {}
    door: dict[str, ContactPin] = {}
    lamps: dict[str, OutputPin] = {}
    buzzer: OutputPin | None = None
    pull: Pull = "up"
    debounce_ms: Chatter = CHATTER

    @property
    def contacts(self) -> dict[str, ContactWire]:
        """Everything that can be pressed or passed, by the names of `kiosk.core.contacts`."""
        doors = {name: self._wire(pin, DOOR_WINDOW_MS) for name, pin in self.door.items()}
        found = {
            **{contacts.face(int(value)): self._wire(pin, self.debounce_ms) for value, pin in sorted(self.buttons.items())},
            **{contacts.key(Keystroke(name)): self._wire(pin, self.debounce_ms) for name, pin in self.keys.items()},
            **{contacts.door(name): wire for name, wire in doors.items()},
        }
        if not self.simulated:
            return found
        everything = [*map(contacts.face, contacts.FACES), *map(contacts.key, Keystroke), contacts.door("main")]
        return dict.fromkeys(found or everything, SIMULATED)

    @property
    def lit(self) -> dict[int, OutputWire]:
        """The lamps by face value."""
        return {int(value): output(pin) for value, pin in self.lamps.items()}

    def _wire(self, contact: ContactPin, usual: int) -> ContactWire:
        pull = contact.pull or self.pull
        active_high = contact.active == "high" if contact.active else pull == "down"
        return ContactWire(contact.pin, pull, active_high, usual if contact.debounce_ms is None else contact.debounce_ms)


SIMULATED: Final = ContactWire(pin=0, pull="up", active_high=False, window=0)
"""Simulated contacts do not chatter, and a test may press faster than a finger."""


def output(pin: OutputPin) -> OutputWire:
    """What `pin` says, as the drivers take it."""
    return OutputWire(pin.pin, pin.active == "high")


class Backlight(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The light behind the screen, in percent of what it can: usually, and while the court is closed."""

    enabled: bool = True
    usual: Annotated[int, msgspec.Meta(ge=10, le=100)] = 100
    closed: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20


class Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the device talks to its server. `keepalive_s` bounds how long a dead connection goes unnoticed."""

    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=300)] = 20


class Audio(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Voice and sounds. `device` is the name that ALSA knows the headset or speaker by (`aplay -L` lists them). `listens` says
    which it is: into a headset it is said which answer was chosen, from a speaker only that it is saved. `quiet_volume` is what is
    left of the voice's loudness in the court's quiet hours, where 1 leaves all of it, as for a headset; `wake_ms` is silence
    before each sound, for what swallows the first moment, as speakers behind HDMI do."""

    enabled: bool = True
    device: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] = "default"
    listens: Literal["speaker", "headset"] = "speaker"
    quiet_volume: Annotated[float, msgspec.Meta(ge=0.1, le=1)] = 0.5
    wake_ms: Annotated[int, msgspec.Meta(ge=0, le=2_000)] = 0


class KioskConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything the device is told by its file. What the court wants asked comes from the server."""

    state_dir: Path
    clock: Literal["system", "trusted"] = "system"
    number: Annotated[str, msgspec.Meta(max_length=16)] = ""
    retention_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 30
    log: Literal["text", "json"] = "text"
    screen: dict[str, Any] = {}
    panel: Panel = Panel()
    backlight: Backlight = Backlight()
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
    "backlight": Backlight.__struct_fields__,
}
WIRES: Final[dict[str, type[ContactPin] | type[OutputPin]]] = {
    "buttons": ContactPin,
    "keys": ContactPin,
    "door": ContactPin,
    "lamps": OutputPin,
}
"""Tables of [panel] that name wires, and what a wire is there."""
FULL_CONTACT: Final = '{ pin = 17, pull = "down", active = "high", debounce_ms = 30 }'
FIXES: Final = {
    "state_dir": 'Write the folder where the device keeps its ledger and keys, for instance state_dir = "state".',
    "clock": 'Write clock = "system", or "trusted" where the kernel does not say whether the clock is right.',
    "number": 'Write the short number staff know the device by, in quotation marks: number = "17".',
    "retention_days": "Write a whole number of days from 1 to 3650.",
    "log": 'Write log = "text" or log = "json".',
    "screen": 'Write mode = "window" for a touchscreen or mode = "none" for buttons only.',
    "panel": 'Write simulated = "panel.sock", or [panel.buttons] and [panel.lamps] with face = pin, for instance 1 = 17.',
    "panel.pull": 'Write pull = "up", "down", or "none" where a resistor of your own pulls.',
    "panel.debounce_ms": "Write how long a contact may chatter, as a whole number of milliseconds from 0 to 2000.",
    "panel.buttons": f"Write face = pin, for instance 1 = 17 or 1 = {FULL_CONTACT}.",
    "panel.keys": f"Write key = pin, for instance next = 13 or next = {FULL_CONTACT}.",
    "panel.door": f"Write door = pin, for instance main = 24 or main = {FULL_CONTACT}.",
    "panel.lamps": 'Write face = pin, for instance 1 = 5 or 1 = { pin = 5, active = "low" }.',
    "panel.buzzer": 'Write buzzer = 12 or buzzer = { pin = 12, active = "low" }.',
    "backlight": "Write enabled = true, usual = 100 (from 10) and closed = 20, in percent.",
    "link": "Write keepalive_s as a whole number of seconds from 5 to 300.",
    "audio.listens": 'Write listens = "speaker" if others can hear it, "headset" if only the visitor does.',
    "audio": 'Write enabled = true, device = "default" or another of aplay -L, quiet_volume from 0.1 to 1, wake_ms from 0 to 2000.',
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
    if isinstance(panel := table.get("panel"), dict):
        table = {**table, "panel": _wires(panel)}
    config = _converted(table, KioskConfig)
    return check(msgspec.structs.replace(config, state_dir=folder / config.state_dir))


def check(config: KioskConfig) -> KioskConfig:
    """The same, if its parts agree with one another. Raises `ConfigError`."""
    if (mode := config.screen.get("mode", "window")) not in SCREENS:
        raise ConfigError("screen.mode", f"is {mode!r}.", FIXES["screen"])
    _check_panel(config.panel)
    if not config.has_window and not any(contacts.split(name)[0] == "face" for name in config.panel.contacts):
        raise ConfigError("panel", "has no buttons, and there is no screen: nobody could rate anything.", FIXES["panel"])
    return config


def _check_panel(panel: Panel) -> None:
    """Refuses what nobody can have meant, or what visitors could not use."""
    for value in panel.buttons:
        if value not in map(str, contacts.FACES):
            raise ConfigError(f"panel.buttons.{value}", "is not a face.", "Faces are 1 (worst) to 5 (best).")
    for name in panel.keys:
        if name not in (known := [keystroke.value for keystroke in Keystroke]):
            raise ConfigError(f"panel.keys.{name}", "is not a key.", _near(name, known))
    for name in panel.door:
        if not re.match(KEY_PATTERN, name):
            raise ConfigError(f"panel.door.{name}", "cannot be the name of a door.", "Use small Latin letters, digits and hyphens.")
    if len(panel.buttons) == 1:
        raise ConfigError("panel.buttons", "has one button, so there is nothing to choose.", "Wire two to five.")
    for value in panel.lamps:
        if value not in panel.buttons:
            fix = f"Give the button too ([panel.buttons] {value} = pin), or leave the lamp out."
            raise ConfigError(f"panel.lamps.{value}", "is a lamp without a button.", fix)
    lacking = {"next", "choose"} - panel.keys.keys()
    if len(lacking) == 1 or (lacking and "previous" in panel.keys):
        raise ConfigError("panel.keys", f"has no {min(lacking)} key.", "The keys next and choose work only together.")
    seen: dict[int, str] = {}
    for field, pin in _pins(panel):
        if isinstance(pin, ContactPin) and (pin.pull or panel.pull) == "none" and pin.active is None:
            fix = 'Write active = "low" or active = "high": the level while it is pressed.'
            raise ConfigError(field, "has no pull, so it must say which level is active.", fix)
        if panel.simulated is None and pin.pin in seen:
            raise ConfigError(field, f"uses pin {pin.pin}, as {seen[pin.pin]} does.", "Give each a pin of its own.")
        seen[pin.pin] = field


def _pins(panel: Panel) -> Iterator[tuple[str, ContactPin | OutputPin]]:
    for table in WIRES:
        for name, pin in getattr(panel, table).items():
            yield f"panel.{table}.{name}", pin
    if panel.buzzer is not None:
        yield "panel.buzzer", panel.buzzer


def _wires(panel: dict[str, Any]) -> dict[str, Any]:
    """The table with `1 = 17` written out as `1 = { pin = 17 }`. Raises `ConfigError` naming the wire."""
    written = dict(panel)
    for table, kind in WIRES.items():
        if isinstance(named := panel.get(table), dict):
            written[table] = {name: _wire(given, kind, f"panel.{table}.{name}") for name, given in named.items()}
    if "buzzer" in panel:
        written["buzzer"] = _wire(panel["buzzer"], OutputPin, "panel.buzzer")
    return written


def _wire(given: Any, kind: type[msgspec.Struct], field: str) -> dict[str, Any]:
    wire = given if isinstance(given, dict) else {"pin": given}
    try:
        _converted(wire, kind, field)
    except ConfigError as fault:
        if wire is not given and fault.field == f"{field}.pin":
            raise ConfigError(field, fault.reason, fault.fix) from None
        raise
    return wire


T = TypeVar("T")


def _converted(table: dict[str, Any], kind: type[T], where: str = "") -> T:
    try:
        return msgspec.convert(table, kind, dec_hook=_path)
    except msgspec.ValidationError as fault:
        raise _explained(str(fault), where, getattr(kind, "__struct_fields__", ())) from None


def _path(wanted: type, given: Any) -> Any:
    if wanted is not Path or not isinstance(given, str) or not given:
        raise ValueError("Expected the name of a folder")
    return Path(given)


def _explained(said: str, where: str, fields: Sequence[str]) -> ConfigError:
    """What msgspec said of the table `where` with such `fields`, in the words of the file."""
    found = _where.match(said)
    what, path = (found["what"], found["path"] or "") if found else (said, "")
    if (missing := _missing.search(what)) is not None:
        field = _joined(where, path, missing["name"])
        return ConfigError(field, "is missing.", _fix(field))
    if (unknown := _unknown.search(what)) is not None:
        known = KNOWN.get(path, ()) if path else fields
        return ConfigError(_joined(where, path, unknown["name"]), "is not a setting.", _near(unknown["name"], known))
    field = _joined(where, path) or "file"
    return ConfigError(field, f"{what[:1].lower()}{what[1:]}.", _fix(field))


def _near(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(known)}."


def _fix(field: str) -> str:
    """What to write for `field`, or for the nearest table around it that has advice."""
    while field and field not in FIXES:
        field = field.rpartition(".")[0] if "." in field else ""
    return FIXES.get(field, "")


def _joined(*parts: str) -> str:
    return ".".join(part for part in parts if part)
