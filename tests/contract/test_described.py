"""The published description of the wire format is the code's own, is sound by its own rules, and fits what really travels."""

import base64
import json
import re
from typing import Any

import jsonschema
import msgspec
import pytest

from wire import chain, codec, describe, topics
from wire.envelopes import (
    Ack,
    Batch,
    Bundle,
    Clock,
    Command,
    Config,
    Downward,
    Echo,
    EnrolAnswer,
    EnrolRequest,
    Fork,
    Gap,
    Health,
    Hello,
    Item,
    Option,
    Questionnaire,
    Range,
    Rejected,
    Result,
    SignedConfig,
)
from wire.events import Answer, Flag, Left, Passage, Retract, StreamId

STREAM = StreamId(bytes(range(16)))
BOOT = bytes(16)
ROW = (3, "overall", "uk", 1, BOOT, 1_790_000_000_000, True, 123_456, 0)
EVENTS = [Answer(*ROW, 5), Retract(*ROW), Left(*ROW), Passage(*ROW, 12), Flag(*ROW, "rapid")]
CLOCK = Clock(BOOT, 123_456, 1_790_000_123_456, True)
QUESTIONS = Questionnaire(
    3,
    "exit",
    [Item("overall", "scale", "faces5", {"uk": "Як?"}, [Option(1, {"uk": "Погано"}), Option(5, {"uk": "Добре"}, "face-5")])],
)
CONFIG = Config(1, 7, {"uk": "Суд"}, ["uk"], "uk", QUESTIONS)
MESSAGES = [
    Batch(1, STREAM, 1, chain.origin(STREAM), [codec.encode_event(event) for event in EVENTS], bytes(64)),
    Hello(1, STREAM, 6, 1, 7, CLOCK, "vidhuk 0.1.0", bytes(16), Echo(1_790_000_100_000, 123_000), 4),
    Ack(1, bytes(16), STREAM, 5, 0, 8, 1_790_000_200_000, [Range(7, 9)], [Rejected(3, "malformed-row")], 12, "no"),
    Health(
        1,
        CLOCK,
        60,
        5,
        5,
        2**40,
        "vidhuk 0.1.0",
        7,
        ["disk nearly full"],
        STREAM,
        3,
        0,
        1_790_000_000_000,
        Gap(2, 4, 0),
        "https",
        None,
        Fork(3, 1_790_000_000_000),
        4,
    ),
    SignedConfig(1, codec.encode_config(CONFIG), bytes(64)),
    Command(1, "c-1", "reload", 1_790_000_300_000, {"level": 3}),
    Result(1, "c-1", True, "done"),
    Bundle(1, [Downward("config", codec.PLAIN, b"signed")]),
]
REQUEST = EnrolRequest(1, "ABCDE-01234", "-----BEGIN CERTIFICATE REQUEST-----")
ANSWER = EnrolAnswer(1, "kiosk-0001", "-----BEGIN CERTIFICATE-----", "broker.example", 8883, bytes(32), b"signed")

SCHEMA = describe.schema()
ASYNCAPI = describe.asyncapi()


def fits(definition: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({**SCHEMA, "oneOf": [{"$ref": f"#/$defs/{definition}"}]})


def called(thing: object) -> str:
    return type(thing).__name__


@pytest.mark.parametrize("name", [describe.SCHEMA_FILE, describe.ASYNCAPI_FILE])
def test_the_checked_in_document_is_what_the_structs_say(name: str) -> None:
    text = (describe.FOLDER / name).read_text(encoding="utf-8")
    assert text == describe.documents()[name], "generate it again: python -m wire.describe"


def test_the_folder_holds_nothing_else() -> None:
    assert {path.name for path in describe.FOLDER.iterdir()} == set(describe.documents())


def test_the_schema_is_valid_by_its_metaschema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_pattern_means_the_same_outside_python() -> None:
    patterns = {value for key, value in everything(SCHEMA) if key == "pattern"}
    assert patterns
    for pattern in patterns:
        assert not re.search(r"\\[AZz]|\(\?P|\(\?[aiLmsux]", pattern), f"{pattern} is Python's own dialect"


@pytest.mark.parametrize("message", MESSAGES, ids=called)
def test_what_travels_fits_the_schema(message: Any) -> None:
    told = json.loads(json.dumps(msgspec.to_builtins(message)))
    assert list(fits(called(message)).iter_errors(told)) == []
    root = jsonschema.Draft202012Validator(SCHEMA)
    assert list(root.iter_errors(told)) == [], "one message is of one kind only"


@pytest.mark.parametrize("event", EVENTS, ids=called)
def test_every_row_fits_the_schema_and_is_of_one_kind_only(event: Any) -> None:
    told = json.loads(json.dumps(msgspec.to_builtins(event)))
    assert list(fits(called(event)).iter_errors(told)) == []
    assert list(fits("Row").iter_errors(told)) == []


@pytest.mark.parametrize("message", [REQUEST, ANSWER], ids=called)
def test_enrolment_fits_the_schema_as_the_json_it_is(message: EnrolRequest | EnrolAnswer) -> None:
    assert list(fits(called(message)).iter_errors(json.loads(codec.encode_enrolment(message)))) == []


def test_a_configuration_fits_the_schema() -> None:
    assert list(fits("Config").iter_errors(json.loads(json.dumps(msgspec.to_builtins(CONFIG))))) == []


def test_the_rows_inside_a_batch_are_what_the_schema_says_they_are() -> None:
    (rows,) = (place for place in SCHEMA["$defs"]["Batch"]["prefixItems"] if place["title"] == "rows")
    assert rows["items"]["contentSchema"] == {"$ref": "#/$defs/Row"}
    for encoded in msgspec.to_builtins(MESSAGES[0])[5]:
        told = msgspec.msgpack.decode(base64.b64decode(encoded))
        assert list(fits("Row").iter_errors(json.loads(json.dumps(msgspec.to_builtins(told))))) == []


@pytest.mark.parametrize(
    ("place", "wrong"),
    [("v", 2), ("first", 0), ("rows", []), ("signature", "AAAA"), ("stream", "x"), ("tag", 2)],
)
def test_what_would_be_refused_does_not_fit(place: str, wrong: object) -> None:
    told = msgspec.to_builtins(MESSAGES[0])
    titles = [part["title"] for part in SCHEMA["$defs"]["Batch"]["prefixItems"]]
    told[titles.index(place)] = wrong
    assert not fits("Batch").is_valid(told)


def test_places_of_a_newer_sender_are_tolerated() -> None:
    assert fits("Batch").is_valid([*msgspec.to_builtins(MESSAGES[0]), "a field of the future"])
    assert fits("Health").is_valid({**msgspec.to_builtins(MESSAGES[3]), "future": 1})


def test_every_place_of_an_array_has_its_fields_name() -> None:
    answer = [place["title"] for place in SCHEMA["$defs"]["Answer"]["prefixItems"]]
    assert answer == ["tag", *Answer.__struct_fields__]


# --- AsyncAPI ----------------------------------------------------------------------------------------------------------------


def everything(node: Any) -> Any:
    """(key, value) of every member of every object in a document."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield key, value
            yield from everything(value)
    elif isinstance(node, list):
        for value in node:
            yield from everything(value)


def resolve(reference: str) -> Any:
    file, _, pointer = reference.partition("#/")
    node: Any = {"": ASYNCAPI, describe.SCHEMA_FILE: SCHEMA}[file]
    for step in pointer.split("/"):
        node = node[step]
    return node


def test_every_reference_leads_somewhere() -> None:
    references = [value for key, value in everything(ASYNCAPI) if key == "$ref"]
    assert references
    for reference in references:
        assert resolve(reference) is not None


def test_it_says_what_asyncapi_3_requires() -> None:
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= ASYNCAPI["info"].keys()
    for server in ASYNCAPI["servers"].values():
        assert {"host", "protocol"} <= server.keys()
        assert set(re.findall(r"\{(\w+)\}", server["host"])) == server["variables"].keys()
    for operation in ASYNCAPI["operations"].values():
        assert operation["action"] in ("send", "receive")
        channel = operation["channel"]["$ref"]
        for message in operation["messages"] + operation.get("reply", {}).get("messages", []):
            assert message["$ref"].startswith(f"{channel}/messages/"), "an operation names its own channel's messages"


def test_each_topic_is_a_channel_with_its_own_address_and_one_operation() -> None:
    mqtt = {name: channel for name, channel in ASYNCAPI["channels"].items() if channel["servers"] == [{"$ref": "#/servers/broker"}]}
    assert mqtt.keys() == {*topics.DEVICE_WRITES, *topics.DEVICE_READS}
    for leaf, channel in mqtt.items():
        device = topics.device_id("kiosk-0001")
        assert channel["address"].replace("{device}", device) == topics.topic(device, leaf)
        assert channel["parameters"].keys() == {"device"}
        (operation,) = (work for work in ASYNCAPI["operations"].values() if work["channel"]["$ref"] == f"#/channels/{leaf}")
        assert operation["action"] == ("send" if leaf in topics.DEVICE_READS else "receive")
        assert operation["bindings"]["mqtt"]["retain"] is (leaf in ("presence", "config"))


def test_what_a_device_says_over_https_is_signed_posted_and_answered_in_the_body() -> None:
    device = topics.device_id("kiosk-0001")
    for leaf, answer in {"up": "Ack", "health": "Bundle", "result": "Bundle"}.items():
        channel = ASYNCAPI["channels"][f"{leaf}ByHttps"]
        assert channel["address"].replace("{device}", device) == "/" + topics.door_path(device, leaf)  # type: ignore[arg-type]
        assert channel["servers"] == [{"$ref": "#/servers/door"}]
        (operation,) = (work for work in ASYNCAPI["operations"].values() if work["channel"]["$ref"] == f"#/channels/{leaf}ByHttps")
        mqtt = ASYNCAPI["operations"][f"receive{leaf.capitalize()}"]
        assert names(operation["messages"]) == names(mqtt["messages"]), "the same bytes on both ways"
        assert names(operation["reply"]["messages"]) == [answer, "Refusal"]
        assert operation["bindings"]["http"]["method"] == "POST"
        assert operation["security"] == [{"$ref": "#/components/securitySchemes/deviceSignature"}]
    assert ASYNCAPI["components"]["securitySchemes"]["deviceSignature"]["name"] == topics.SIGNATURE


def names(references: list[dict[str, str]]) -> list[str]:
    """The messages referred to."""
    return [reference["$ref"].rpartition("/")[2] for reference in references]


def test_every_message_has_a_content_type_and_is_used() -> None:
    used = {value for key, value in everything(ASYNCAPI["channels"]) if key == "$ref"}
    for name, message in ASYNCAPI["components"]["messages"].items():
        assert message["contentType"] in (codec.PLAIN, "application/json")
        assert f"#/components/messages/{name}" in used
    assert {kind.__name__ for kind in describe.MESSAGES} <= ASYNCAPI["components"]["messages"].keys()


def test_devices_are_known_by_certificate() -> None:
    assert ASYNCAPI["servers"]["broker"]["security"] == [{"$ref": "#/components/securitySchemes/deviceCertificate"}]
    assert ASYNCAPI["components"]["securitySchemes"]["deviceCertificate"]["type"] == "X509"
