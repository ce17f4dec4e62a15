"""Bytes to structs and back. Whatever bytes come, decoding returns a struct or raises `WireError`, nothing else."""

import re
import zlib
from typing import Final, TypeVar

import msgspec

from wire import VERSION
from wire.envelopes import (
    MAX_BYTES,
    MAX_INFLATED,
    MAX_ROW_BYTES,
    Ack,
    Batch,
    Bundle,
    Command,
    Config,
    EnrolAnswer,
    EnrolRequest,
    Health,
    Hello,
    Result,
    SignedConfig,
    Upward,
)
from wire.events import KEY_PATTERN, LANGUAGE_PATTERN, Event, Flag

PLAIN: Final = "vidhuk/1"
"""Content type of a MessagePack message."""
DEFLATED: Final = "vidhuk/1+z"
"""Content type of a MessagePack message in raw DEFLATE (RFC 1951)."""

WORTH_DEFLATING: Final = 180
"""Bytes from which deflating saves more than the longer content type costs."""


class WireError(ValueError):
    """A message that cannot be taken as it is. `reason` is one of a few stable words, the text says what was found."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


Envelope = Batch | Hello | Ack | Health | SignedConfig | Command | Result | Bundle

MAX_SPELT: Final = 4096
"""Pairs of item and language remembered as well spelt: they come again in every row, and looking again would double its cost."""
_key = re.compile(KEY_PATTERN)
_language = re.compile(LANGUAGE_PATTERN)
_spelt: Final[set[tuple[str, str]]] = set()

_encoder = msgspec.msgpack.Encoder()
_event: Final[msgspec.msgpack.Decoder[Event]] = msgspec.msgpack.Decoder(Event)
_upward: Final[msgspec.msgpack.Decoder[Upward]] = msgspec.msgpack.Decoder(Upward)
_ack = msgspec.msgpack.Decoder(Ack)
_health = msgspec.msgpack.Decoder(Health)
_signed_config = msgspec.msgpack.Decoder(SignedConfig)
_config = msgspec.msgpack.Decoder(Config)
_command = msgspec.msgpack.Decoder(Command)
_result = msgspec.msgpack.Decoder(Result)
_bundle = msgspec.msgpack.Decoder(Bundle)
_request = msgspec.json.Decoder(EnrolRequest)
_answer = msgspec.json.Decoder(EnrolAnswer)

T = TypeVar("T")


def encode_event(event: Event) -> bytes:
    """The bytes of a row, as ledger, chain and wire carry them. Raises `WireError` for a row nobody would accept."""
    row = _encoder.encode(event)
    decode_event(row)
    return row


def decode_event(row: bytes) -> Event:
    """The event that `row` says. Raises `WireError`."""
    if len(row) > MAX_ROW_BYTES:
        raise WireError("oversize", f"a row of {len(row)} bytes; at most {MAX_ROW_BYTES} are taken")
    try:
        event = _event.decode(row)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise WireError("malformed-row", str(fault)) from None
    if (event.item, event.language) not in _spelt:
        _check_spelling("item", _key, event.item)
        _check_spelling("language", _language, event.language)
        if len(_spelt) < MAX_SPELT:
            _spelt.add((event.item, event.language))
    if isinstance(event, Flag):
        _check_spelling("reason", _key, event.reason)
    return event


def _check_spelling(field: str, spelling: re.Pattern[str], word: str) -> None:
    if not spelling.fullmatch(word):
        raise WireError("malformed-row", f"{field} {word!r} is not spelt {spelling.pattern}")


def encode(envelope: Envelope) -> tuple[str, bytes]:
    """(content type, bytes) of `envelope`, deflated where that pays. Raises `WireError` if it would be too large to send."""
    plain = _encoder.encode(envelope)
    content_type, data = PLAIN, plain
    if len(plain) >= WORTH_DEFLATING:
        squeeze = zlib.compressobj(level=6, wbits=-15)
        deflated = squeeze.compress(plain) + squeeze.flush()
        if len(deflated) < len(plain):
            content_type, data = DEFLATED, deflated
    if len(data) > MAX_BYTES:
        raise WireError("oversize", f"a message of {len(data)} bytes; at most {MAX_BYTES} are sent")
    return content_type, data


def encode_config(config: Config) -> bytes:
    """The bytes of a configuration, ready to be signed."""
    return _encoder.encode(config)


def inflate(content_type: str | None, data: bytes) -> bytes:
    """The MessagePack bytes of a message. Raises `WireError`."""
    if len(data) > MAX_BYTES:
        raise WireError("oversize", f"a message of {len(data)} bytes; at most {MAX_BYTES} are taken")
    if content_type == PLAIN:
        return data
    if content_type != DEFLATED:
        raise WireError("foreign-version", f"content type {content_type!r}; this side speaks {PLAIN!r} and {DEFLATED!r}")
    stream = zlib.decompressobj(wbits=-15)
    try:
        plain = stream.decompress(data, MAX_INFLATED)
    except zlib.error as fault:
        raise WireError("malformed", f"not raw DEFLATE: {fault}") from None
    if stream.unconsumed_tail:
        raise WireError("oversize", f"inflates to more than {MAX_INFLATED} bytes")
    if not stream.eof or stream.unused_data:
        raise WireError("malformed", "the deflated message is cut short or has bytes behind its end")
    return plain


def decode_upward(content_type: str | None, data: bytes) -> Upward:
    """What a device sent. Raises `WireError`."""
    return _decode(_upward, inflate(content_type, data))


def decode_ack(content_type: str | None, data: bytes) -> Ack:
    """What the server has stored. Raises `WireError`."""
    return _decode(_ack, inflate(content_type, data))


def decode_health(content_type: str | None, data: bytes) -> Health:
    """A device's state. Raises `WireError`."""
    return _decode(_health, inflate(content_type, data))


def decode_signed_config(content_type: str | None, data: bytes) -> SignedConfig:
    """A configuration still to be verified. Raises `WireError`."""
    return _decode(_signed_config, inflate(content_type, data))


def decode_kept_config(data: bytes) -> SignedConfig:
    """A configuration still to be verified, as it is kept on a card or given at the enrolment: a message that was inflated, which
    may be larger than what travels. Raises `WireError`."""
    if len(data) > MAX_INFLATED:
        raise WireError("oversize", f"a configuration of {len(data)} bytes; at most {MAX_INFLATED} are taken")
    return _decode(_signed_config, data)


def decode_config(document: bytes) -> Config:
    """A configuration whose signature was verified. Raises `WireError`."""
    return _decode(_config, document)


def decode_command(content_type: str | None, data: bytes) -> Command:
    """Something to do. Raises `WireError`."""
    return _decode(_command, inflate(content_type, data))


def decode_result(content_type: str | None, data: bytes) -> Result:
    """What came of a command. Raises `WireError`."""
    return _decode(_result, inflate(content_type, data))


def decode_bundle(content_type: str | None, data: bytes) -> Bundle:
    """What waited for a device without MQTT. Raises `WireError`."""
    return _decode(_bundle, inflate(content_type, data))


def encode_enrolment(message: EnrolRequest | EnrolAnswer) -> bytes:
    """JSON of an enrolment message."""
    return msgspec.json.encode(message)


def decode_enrol_request(data: bytes) -> EnrolRequest:
    """A device's wish for an identity. Raises `WireError`."""
    return _json(_request, data)


def decode_enrol_answer(data: bytes) -> EnrolAnswer:
    """The identity given. Raises `WireError`."""
    return _json(_answer, data)


def _json(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    if len(data) > MAX_INFLATED:
        raise WireError("oversize", f"a message of {len(data)} bytes; at most {MAX_INFLATED} are taken")
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise WireError("malformed", str(fault)) from None


def _decode(decoder: msgspec.msgpack.Decoder[T], plain: bytes) -> T:
    try:
        return decoder.decode(plain)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        version = _version_of(plain)
        if version is not None and version != VERSION:
            raise WireError("foreign-version", f"wire version {version}; this side speaks {VERSION}") from None
        raise WireError("malformed", str(fault)) from None


def _version_of(plain: bytes) -> int | None:
    """The version a message claims, where its outermost shape still shows one."""
    try:
        shape = msgspec.msgpack.decode(plain)
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        return None
    claimed = shape.get("v") if isinstance(shape, dict) else shape[1] if isinstance(shape, list) and len(shape) > 1 else None
    return claimed if isinstance(claimed, int) else None
