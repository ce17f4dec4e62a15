"""Describes the wire format for those who do not read Python: a JSON Schema and an AsyncAPI document, made from the structs.

Both are generated, never written by hand: `python -m wire.describe` writes them into `wire/schema/`, where a test compares them.
"""

import inspect
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from wire import VERSION, envelopes, events, topics
from wire.codec import DEFLATED, PLAIN, WORTH_DEFLATING
from wire.envelopes import MAX_BYTES, MAX_INFLATED, MAX_ROW_BYTES
from wire.events import DeviceId
from wire.topics import DEVICE_READS, Leaf

FOLDER: Final = Path(__file__).resolve().parent / "schema"
SCHEMA_FILE: Final = f"vidhuk-{VERSION}.schema.json"
ASYNCAPI_FILE: Final = "asyncapi.json"

ROWS: Final[tuple[type[msgspec.Struct], ...]] = (events.Answer, events.Retract, events.Left, events.Passage, events.Flag)
MESSAGES: Final[tuple[type[msgspec.Struct], ...]] = (
    envelopes.Batch,
    envelopes.Hello,
    envelopes.Ack,
    envelopes.Health,
    envelopes.SignedConfig,
    envelopes.Command,
    envelopes.Result,
    envelopes.Bundle,
)
INSIDE: Final[tuple[type[msgspec.Struct], ...]] = (
    envelopes.Config,
    envelopes.EnrolRequest,
    envelopes.EnrolAnswer,
)

ABOUT_SCHEMA: Final = (
    "Made by `python -m wire.describe`; do not edit. On the wire these are MessagePack: where an array is described, an"
    " array travels, with the tag in its first place and the fields in the order of their titles; where a base64 string is"
    " described, raw bytes travel. Only enrolment travels as JSON. Further places at the end of an array, and further"
    " members of an object, are a newer sender's and are ignored."
)
ABOUT_ASYNCAPI: Final = (
    "Made by `python -m wire.describe`; do not edit. Seen from the server. MQTT 5 only: the version before it acknowledges messages"
    " that were denied or dropped. A PUBACK is no promise; what is stored is what an Ack on `down` says."
)
ABOUT_MESSAGE: Final = (
    f"MessagePack, at most {MAX_BYTES} bytes. From about {WORTH_DEFLATING} bytes on it may travel in raw DEFLATE (RFC 1951) with"
    f" the content type {DEFLATED}; it inflates to at most {MAX_INFLATED} bytes."
)

Document = dict[str, Any]


class Channel(NamedTuple):
    """How one leaf of the topic tree is used: what travels on it, and with which promises of MQTT."""

    messages: Sequence[type[msgspec.Struct]]
    qos: int
    retain: bool
    text: str


CHANNELS: Final[dict[Leaf, Channel]] = {
    "up": Channel((envelopes.Batch, envelopes.Hello), 1, False, "A device's rows, and its greeting at every connection."),
    "down": Channel((envelopes.Ack,), 0, False, "What the server has committed. A lost one is given again with the next."),
    "health": Channel((envelopes.Health,), 1, False, "A device's state, every minute."),
    "presence": Channel((), 1, True, "Whether a device is connected; `offline` is its last will."),
    "config": Channel((envelopes.SignedConfig,), 1, True, "What a device asks, signed. Sent when it greets with another version."),
    "command": Channel((envelopes.Command,), 1, False, "Something to do once, before it expires."),
    "result": Channel((envelopes.Result,), 1, False, "What came of a command."),
}

TWINS: Final[dict[Leaf, type[msgspec.Struct]]] = {"up": envelopes.Ack, "health": envelopes.Bundle, "result": envelopes.Bundle}
"""What a device may say over HTTPS as well, and what answers it there."""


# --- JSON Schema -------------------------------------------------------------------------------------------------------------


def schema() -> Document:
    """JSON Schema (2020-12) of every row and envelope, in the form msgspec calls builtins: bytes are base64."""
    kinds = (*ROWS, *MESSAGES, *INSIDE)
    _, found = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    definitions: Document = {name: _named(name, part) for name, part in found.items()}
    definitions["Row"] = {
        "title": "Row",
        "description": "One event of a ledger. Its first place, the tag, tells which.",
        "oneOf": [_reference(kind) for kind in ROWS],
    }
    row = next(place for place in definitions["Batch"]["prefixItems"] if place["title"] == "rows")["items"]
    row |= {"contentMediaType": "application/msgpack", "contentSchema": {"$ref": "#/$defs/Row"}}
    row["maxLength"] = -(-MAX_ROW_BYTES // 3) * 4
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:vidhuk:wire:{VERSION}",
        "title": f"Vidhuk wire format, version {VERSION}",
        "description": ABOUT_SCHEMA,
        "oneOf": [_reference(kind) for kind in MESSAGES],
        "$defs": definitions,
    }


def _reference(kind: type[msgspec.Struct]) -> Document:
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _named(name: str, part: Document) -> Document:
    """`part` with a plain description and, where it is an array, each place called by its field's name."""
    part["description"] = inspect.cleandoc(part["description"])
    if part["type"] == "array":
        kind: type[msgspec.Struct] = getattr(events, name, None) or getattr(envelopes, name)
        tagged = ("tag",) if kind.__struct_config__.tag is not None else ()
        places = (*tagged, *kind.__struct_fields__)
        part["prefixItems"] = [{"title": field, **place} for field, place in zip(places, part["prefixItems"], strict=True)]
    return part


# --- AsyncAPI ----------------------------------------------------------------------------------------------------------------


def asyncapi() -> Document:
    """AsyncAPI 3.0: the server's side of MQTT and of the device door."""
    channels = {leaf: _channel(leaf, channel) for leaf, channel in CHANNELS.items()}
    operations = {
        f"{'send' if leaf in DEVICE_READS else 'receive'}{leaf.capitalize()}": _operation(leaf, channel)
        for leaf, channel in CHANNELS.items()
    }
    twins = {_twin(leaf): _twin_channel(leaf) for leaf in TWINS}
    twin_operations = {f"receive{leaf.capitalize()}ByHttps": _twin_operation(leaf) for leaf in TWINS}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Vidhuk: devices and server",
            "version": str(VERSION),
            "description": ABOUT_ASYNCAPI,
            "license": {"name": "EUPL-1.2", "url": "https://eupl.eu/1.2/en/"},
        },
        "defaultContentType": PLAIN,
        "servers": {"broker": _broker(), "door": _door()},
        "channels": channels | twins | {"enrol": _enrol_channel()},
        "operations": operations | twin_operations | {"enrol": _enrol_operation()},
        "components": {
            "messages": dict(_messages()),
            "parameters": {"device": {"description": f"The device's name, as in its certificate: {topics.DEVICE_PATTERN}."}},
            "securitySchemes": {
                "deviceCertificate": {
                    "type": "X509",
                    "description": "Of the installation's own CA. A device may publish and subscribe under its common name only.",
                },
                "deviceSignature": {
                    "type": "httpApiKey",
                    "in": "header",
                    "name": topics.SIGNATURE,
                    "description": "The device's Ed25519 signature, in base64, of: `vidhuk/1 request`, a zero byte, the device's"
                    " name, a zero byte, the leaf, a zero byte, the content type, a zero byte, and the SHA-256 of the body.",
                },
            },
        },
    }


def _broker() -> Document:
    return {
        "host": "{host}:{port}",
        "protocol": "mqtts",
        "protocolVersion": "5.0",
        "description": "The installation's broker: TLS 1.2 or newer, a certificate required of both sides, no persistence.",
        "variables": {"host": {"description": "As the answer to enrolment says."}, "port": {"default": "8883"}},
        "security": [{"$ref": "#/components/securitySchemes/deviceCertificate"}],
        "bindings": {
            "mqtt": {
                "cleanSession": True,
                "sessionExpiryInterval": 0,
                "keepAlive": 20,
                "lastWill": {
                    "topic": _address("presence"),
                    "qos": 1,
                    "retain": True,
                    "message": topics.OFFLINE.decode(),
                },
                "bindingVersion": "0.2.0",
            }
        },
    }


def _door() -> Document:
    return {
        "host": "{host}:{port}",
        "protocol": "https",
        "description": "Enrolment, and the same messages as at the broker for devices whose network lets no MQTT through."
        " Its certificate is of the installation's own CA, whose fingerprint the device has been told.",
        "variables": {"host": {"description": "As staff type it on the device."}, "port": {"default": "8443"}},
    }


def _address(leaf: Leaf) -> str:
    return f"{topics.ROOT}/{{device}}/{leaf}"


def _message_names(channel: Channel) -> list[str]:
    return [kind.__name__ for kind in channel.messages] or ["Presence"]


def _channel(leaf: Leaf, channel: Channel) -> Document:
    return {
        "address": _address(leaf),
        "description": channel.text,
        "servers": [{"$ref": "#/servers/broker"}],
        "parameters": {"device": {"$ref": "#/components/parameters/device"}},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _message_names(channel)},
    }


def _operation(leaf: Leaf, channel: Channel) -> Document:
    return {
        "action": "send" if leaf in DEVICE_READS else "receive",
        "channel": {"$ref": f"#/channels/{leaf}"},
        "summary": channel.text,
        "messages": [{"$ref": f"#/channels/{leaf}/messages/{name}"} for name in _message_names(channel)],
        "bindings": {"mqtt": {"qos": channel.qos, "retain": channel.retain, "bindingVersion": "0.2.0"}},
    }


def _twin(leaf: Leaf) -> str:
    return f"{leaf}ByHttps"


def _twin_channel(leaf: Leaf) -> Document:
    names = [*_message_names(CHANNELS[leaf]), TWINS[leaf].__name__, "Refusal"]
    return {
        "address": "/" + topics.door_path(DeviceId("{device}"), leaf),
        "description": f"{CHANNELS[leaf].text} The same bytes and content type as over MQTT; the body is the answer.",
        "servers": [{"$ref": "#/servers/door"}],
        "parameters": {"device": {"$ref": "#/components/parameters/device"}},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }


def _twin_operation(leaf: Leaf) -> Document:
    channel = f"#/channels/{_twin(leaf)}"
    return {
        "action": "receive",
        "channel": {"$ref": channel},
        "summary": CHANNELS[leaf].text,
        "messages": [{"$ref": f"{channel}/messages/{name}"} for name in _message_names(CHANNELS[leaf])],
        "security": [{"$ref": "#/components/securitySchemes/deviceSignature"}],
        "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
        "reply": {
            "channel": {"$ref": channel},
            "messages": [{"$ref": f"{channel}/messages/{name}"} for name in (TWINS[leaf].__name__, "Refusal")],
        },
    }


def _enrol_channel() -> Document:
    names = ("EnrolRequest", "EnrolAnswer", "Refusal")
    return {
        "address": "/enrol",
        "description": "A one-time code and a signing request in, an identity out. `GET /enrol/ca` gives the CA's certificate.",
        "servers": [{"$ref": "#/servers/door"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }


def _enrol_operation() -> Document:
    return {
        "action": "receive",
        "channel": {"$ref": "#/channels/enrol"},
        "summary": "A new device asks for an identity.",
        "messages": [{"$ref": "#/channels/enrol/messages/EnrolRequest"}],
        "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
        "reply": {
            "channel": {"$ref": "#/channels/enrol"},
            "messages": [{"$ref": f"#/channels/enrol/messages/{name}"} for name in ("EnrolAnswer", "Refusal")],
        },
    }


def _messages() -> Iterator[tuple[str, Document]]:
    for kind in MESSAGES:
        yield (
            kind.__name__,
            _message(kind, PLAIN)
            | {
                "description": ABOUT_MESSAGE,
                "x-deflated-content-type": DEFLATED,
            },
        )
    yield (
        "Presence",
        {
            "name": "Presence",
            "title": "Connected or not",
            "contentType": PLAIN,
            "description": "Plain text, not MessagePack.",
            "payload": {"type": "string", "enum": [topics.ONLINE.decode(), topics.OFFLINE.decode()]},
        },
    )
    for kind in (envelopes.EnrolRequest, envelopes.EnrolAnswer):
        yield kind.__name__, _message(kind, "application/json")
    yield (
        "Refusal",
        {
            "name": "Refusal",
            "title": "Why a device was not let in or a message not taken, with a status from 400 on.",
            "contentType": "application/json",
            "payload": {
                "type": "object",
                "required": ["error", "text"],
                "properties": {
                    "error": {"type": "string", "description": "One stable word, for programs."},
                    "text": {"type": "string", "description": "One sentence, for people."},
                },
            },
        },
    )


def _message(kind: type[msgspec.Struct], content_type: str) -> Document:
    return {
        "name": kind.__name__,
        "title": inspect.cleandoc(kind.__doc__ or "").splitlines()[0],
        "contentType": content_type,
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"{SCHEMA_FILE}#/$defs/{kind.__name__}"},
        },
    }


# --- files -------------------------------------------------------------------------------------------------------------------


def documents() -> dict[str, str]:
    """{file name: text} of both documents."""
    made = {SCHEMA_FILE: schema(), ASYNCAPI_FILE: asyncapi()}
    return {name: json.dumps(document, ensure_ascii=False, indent=1) + "\n" for name, document in made.items()}


def main() -> int:
    """Writes both documents where they belong."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in documents().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"wire/schema/{name}: {len(text)} characters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
