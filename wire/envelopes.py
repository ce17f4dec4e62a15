"""What travels: batches and greetings upwards, acknowledgements, configuration and commands downwards.

Envelopes that travel with every rating are arrays; those that travel seldom are maps, which are easier to read in a capture.
Fields are only ever added at the end, with a default; a receiver ignores what it does not know.
"""

from typing import Annotated, Any, Final, Literal

import msgspec

from wire.colour import Colour
from wire.crest import MOST_BYTES as MOST_CREST_BYTES
from wire.events import Clock64, Count, Identifier, Key, Language, Since

MAX_ROWS: Final = 250
"""Rows in a batch: small enough to resend without regret, large enough that the signature costs nothing."""
MAX_BYTES: Final = 32 * 1024
"""Bytes of an encoded batch: paho reconnects for ever over a message the broker finds too large, so both sides cap it first."""
MAX_INFLATED: Final = 256 * 1024
"""Bytes a deflated message may grow to: a bomb is refused before it is built."""
MAX_ROW_BYTES: Final = 512
"""Bytes of one row. The longest honest row is under 200."""

Hash = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Signature = Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]
SeqNumber = Annotated[int, msgspec.Meta(ge=1, le=2**52)]
Watermark = Annotated[int, msgspec.Meta(ge=0, le=2**52)]
Texts = dict[Language, Annotated[str, msgspec.Meta(max_length=400)]]
"""One text in several languages."""


class Clock(msgspec.Struct, frozen=True, array_like=True):
    """A device's clocks read at one moment: anchors from which the server derives when a row happened."""

    boot: Identifier
    monotonic: Since
    wall: Clock64
    synchronised: bool


class Echo(msgspec.Struct, frozen=True, array_like=True):
    """The server's clock as the device last heard it: an acknowledgement's `server_wall`, and the monotonic clock at its arrival.

    Nothing arrives before it was sent, so this bounds the device's offset from below, as a greeting's arrival bounds it from above.
    """

    server_wall: Clock64
    monotonic: Since


class Batch(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Rows `first` … `first + len(rows) - 1` of `stream`, as the ledger keeps them.

    `previous` is the chain before the first row, `signature` the device's Ed25519 signature of `wire.chain.batch_statement`.
    """

    v: Literal[1]
    stream: Identifier
    first: SeqNumber
    previous: Hash
    rows: Annotated[list[bytes], msgspec.Meta(min_length=1, max_length=MAX_ROWS)]
    signature: Signature


class Hello(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """A device has connected: what it holds, so that both sides find out what the other has lost.

    `oldest` … `next - 1` are the rows it still has; `config` is the configuration version in force, 0 for none; `echo` is of the
    same boot as `clock`. Rows after `moved_through` stand in the order in which they were recorded, and were recorded after all
    before them, among which may be some that the device took over from an earlier stream or a damaged file; none while it still
    takes over, or does not know.
    """

    v: Literal[1]
    stream: Identifier
    next: SeqNumber
    oldest: SeqNumber
    config: Count
    clock: Clock
    software: Annotated[str, msgspec.Meta(max_length=64)]
    epoch: Annotated[bytes, msgspec.Meta(max_length=16)] = b""
    echo: Echo | None = None
    moved_through: Watermark | None = None


class Range(msgspec.Struct, frozen=True, array_like=True):
    """Sequence numbers `first` … `last`, both included."""

    first: SeqNumber
    last: SeqNumber


class Rejected(msgspec.Struct, frozen=True, array_like=True):
    """The row `seq` was set aside: counted as stored, so that it never blocks the stream."""

    seq: SeqNumber
    reason: Annotated[str, msgspec.Meta(max_length=200)]


class Ack(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """What the server has committed. Published after the commit and never before.

    `epoch` changes when the server was restored from a backup; every row up to `stored_through` is stored, every row up to
    `backed_through` also in the oldest backup that may still be restored; `missing` names gaps, and every row up to `highest`
    that no gap names is stored; `credit` is how many batches the device may have under way; `server_wall` the server's clock in
    ms at the commit; `link` begins the chain after row `stored_through` (8 bytes, none if that is not told): a device whose own
    chain begins otherwise there has been copied, and the rows that are spoken of are not its own.
    """

    v: Literal[1]
    epoch: Identifier
    stream: Identifier
    stored_through: Watermark
    backed_through: Watermark
    credit: Annotated[int, msgspec.Meta(ge=0, le=64)]
    server_wall: Clock64
    missing: Annotated[list[Range], msgspec.Meta(max_length=64)] = []
    rejected: Annotated[list[Rejected], msgspec.Meta(max_length=MAX_ROWS)] = []
    forked_at: SeqNumber | None = None
    refused: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    highest: Watermark = 0
    link: Annotated[bytes, msgspec.Meta(max_length=8)] = b""


class Gap(msgspec.Struct, frozen=True, array_like=True):
    """Rows `first` … `last` that the server asked for again, at `wall` (ms since the epoch), none where no clock knew."""

    first: SeqNumber
    last: SeqNumber
    wall: Clock64 | None = None


class Fork(msgspec.Struct, frozen=True, array_like=True):
    """Another device of the same name had sent row `row` of the stream before the present one otherwise; this one heard of it at
    `wall` (ms since the epoch), none where no clock knew."""

    row: SeqNumber
    wall: Clock64 | None = None


class Health(msgspec.Struct, frozen=True, tag_field="t", tag=4):
    """A device's state, every minute.

    `recorded` counts the rows of `stream`, `moving` those that it has still to take over from an earlier stream or a damaged file;
    `waiting_since` is when (ms since the epoch) the oldest row was recorded that the server has not said it has, none if it has
    all; `gap` is the last that was found, `fork` the last copy of the device that it met, for a month; `moved_through` is as in
    `Hello`.
    """

    v: Literal[1]
    clock: Clock
    uptime_s: Count
    recorded: Watermark
    stored_through: Watermark
    free_bytes: Watermark
    software: Annotated[str, msgspec.Meta(max_length=64)]
    config: Count
    notes: Annotated[list[Annotated[str, msgspec.Meta(max_length=200)]], msgspec.Meta(max_length=20)] = []
    stream: Annotated[bytes, msgspec.Meta(max_length=16)] = b""
    backed_through: Watermark = 0
    moving: Count = 0
    waiting_since: Clock64 | None = None
    gap: Gap | None = None
    way: Literal["mqtt", "https"] = "mqtt"
    echo: Echo | None = None
    fork: Fork | None = None
    moved_through: Watermark | None = None


class Option(msgspec.Struct, frozen=True):
    """One thing a visitor can tap: a scale point or a choice."""

    value: Annotated[int, msgspec.Meta(ge=-2, le=10)]
    text: Texts
    icon: Key | None = None


class Item(msgspec.Struct, frozen=True):
    """One question and its options, worst or first to the left. `kind` says whether the values have an order."""

    key: Key
    kind: Literal["scale", "choice"]
    scale: Key
    text: Texts
    options: Annotated[list[Option], msgspec.Meta(min_length=2, max_length=11)]


class Questionnaire(msgspec.Struct, frozen=True):
    """What a kiosk asks. The first item opens a visit, the others follow it; then comes one item of the bank `rotation`, the one
    that this device has shown least often, whatever the visitor has answered."""

    version: Count
    key: Key
    items: Annotated[list[Item], msgspec.Meta(min_length=1, max_length=40)]
    rotation: Annotated[list[Item], msgspec.Meta(max_length=40)] = []


class Timings(msgspec.Struct, frozen=True):
    """How long a screen waits, in milliseconds."""

    question: Annotated[int, msgspec.Meta(ge=3_000, le=600_000)] = 30_000
    thanks: Annotated[int, msgspec.Meta(ge=2_000, le=60_000)] = 12_000
    cooldown: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 3_000
    undo: Annotated[int, msgspec.Meta(ge=2_000, le=60_000)] = 5_000
    """How long the thank-you offers to take the answer back."""
    warning: Annotated[int, msgspec.Meta(ge=1_000, le=60_000)] = 10_000
    """How long before a question is taken away its visitor is asked "Still there?"."""
    cleaning: Annotated[int, msgspec.Meta(ge=5_000, le=300_000)] = 30_000
    """How long the screen is locked for wiping."""
    aided: Annotated[int, msgspec.Meta(ge=1, le=20)] = 4
    """How many times longer every screen waits for somebody who uses the accessible mode."""


class Misuse(msgspec.Struct, frozen=True):
    """What makes ratings doubtful: they are flagged, never dropped. Times in milliseconds.

    A burst is `burst_count` ratings begun within `burst_within`; a run is `run_count` of the same value in a row, each begun within
    `run_gap` of the one before; a button held down for `stuck_after` is taken for stuck.
    """

    burst_count: Annotated[int, msgspec.Meta(ge=2, le=100)] = 5
    burst_within: Annotated[int, msgspec.Meta(ge=1_000, le=600_000)] = 15_000
    run_count: Annotated[int, msgspec.Meta(ge=2, le=100)] = 5
    run_gap: Annotated[int, msgspec.Meta(ge=1_000, le=600_000)] = 10_000
    stuck_after: Annotated[int, msgspec.Meta(ge=2_000, le=600_000)] = 10_000


Minute = Annotated[int, msgspec.Meta(ge=0, le=1440)]
"""A minute of a local day; 1440 is its end."""
Spell = tuple[Minute, Minute]
"""From the first minute up to, not including, the second."""
LocalDate = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$(?!\n)")]


class Hours(msgspec.Struct, frozen=True):
    """When the court is open, in its own time zone. `week` runs from Monday to Sunday; `days` are exceptions by date (a holiday is
    an empty list); in the `quiet` spells of every day sounds are held back."""

    timezone: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    week: Annotated[list[Annotated[list[Spell], msgspec.Meta(max_length=8)]], msgspec.Meta(min_length=7, max_length=7)]
    days: Annotated[dict[LocalDate, Annotated[list[Spell], msgspec.Meta(max_length=8)]], msgspec.Meta(max_length=200)] = {}
    quiet: Annotated[list[Spell], msgspec.Meta(max_length=8)] = []


class VoicePack(msgspec.Struct, frozen=True):
    """Speech made beforehand for texts in `language`: a pack of `wire.speech`, `size` bytes long, that the device fetches from the
    door as `speech/<digest>` and checks by its SHA-256 `digest`. `voice` names who speaks."""

    language: Language
    voice: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    digest: Hash
    size: Annotated[int, msgspec.Meta(ge=1, le=64 * 1024 * 1024)]


class Config(msgspec.Struct, frozen=True, tag_field="t", tag=5):
    """What a device is told: whose exit it stands at, what it asks, in which languages and how patiently."""

    v: Literal[1]
    version: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    court: Texts
    languages: Annotated[list[Language], msgspec.Meta(min_length=1, max_length=12)]
    language: Language
    questionnaire: Questionnaire
    timings: Timings = Timings()
    public_url: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    misuse: Misuse = Misuse()
    hours: Hours | None = None
    door: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    """Where devices fetch what is too large for this document, `https://host:port`."""
    speech: Annotated[list[VoicePack], msgspec.Meta(max_length=24)] = []
    """Several packs of one language add up: what every court says, and what this one is called."""
    accent: Colour | None = None
    """The court's own colour; whether it can be read is for the device's look to say."""
    crest: Annotated[bytes, msgspec.Meta(max_length=MOST_CREST_BYTES)] | None = None
    """The court's crest as `wire.crest` has it."""


class SignedConfig(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """An encoded `Config` with the server's Ed25519 signature of `wire.chain.config_statement`."""

    v: Literal[1]
    document: Annotated[bytes, msgspec.Meta(max_length=MAX_INFLATED // 2)]
    signature: Signature


class Command(msgspec.Struct, frozen=True, tag_field="t", tag=7):
    """Something staff ask a device to do, once, before `expires` (ms since the epoch)."""

    v: Literal[1]
    id: Key
    kind: Key
    expires: Clock64
    arguments: dict[Key, Any] = {}


class Result(msgspec.Struct, frozen=True, tag_field="t", tag=8):
    """What came of a command."""

    v: Literal[1]
    id: Key
    ok: bool
    text: Annotated[str, msgspec.Meta(max_length=2000)] = ""


class Downward(msgspec.Struct, frozen=True, array_like=True):
    """A message as MQTT would have brought it down: its leaf, content type and bytes."""

    leaf: Key
    content_type: Annotated[str, msgspec.Meta(max_length=64)]
    payload: Annotated[bytes, msgspec.Meta(max_length=MAX_INFLATED // 2)]


class Bundle(msgspec.Struct, frozen=True, array_like=True, tag=9):
    """What waits for a device that has no MQTT: the body that answers its health report or result over HTTPS."""

    v: Literal[1]
    messages: Annotated[list[Downward], msgspec.Meta(max_length=16)] = []


class EnrolRequest(msgspec.Struct, frozen=True):
    """A new device asks for an identity: the one-time code and a signing request (PEM) for its own key. Travels as JSON."""

    v: Literal[1]
    code: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Z -]{6,20}$(?!\n)")]
    request: Annotated[str, msgspec.Meta(max_length=4000)]


class EnrolAnswer(msgspec.Struct, frozen=True):
    """The identity given: id, certificate chain (PEM), where the broker is, and the first configuration. Travels as JSON.

    `config` is an encoded `SignedConfig`, `server_key` the 32-byte Ed25519 key that signs configurations.
    """

    v: Literal[1]
    device: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{8,32}$(?!\n)")]
    certificate: str
    broker_host: Annotated[str, msgspec.Meta(min_length=1, max_length=253)]
    broker_port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    server_key: Hash
    config: bytes


Upward = Batch | Hello
