"""Topic names: one device can never name another's, and nothing but a device is one."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import topics
from wire.topics import DEVICE_READS, DEVICE_WRITES, Leaf

names = st.from_regex(r"\A[a-z0-9-]{8,32}\Z")
leaves = st.sampled_from(get_args(Leaf))


@given(names, leaves)
def test_a_topic_names_its_device_and_its_leaf(name: str, leaf: Leaf) -> None:
    device = topics.device_id(name)
    assert topics.parse(topics.topic(device, leaf)) == (device, leaf)


@given(st.text(max_size=60))
def test_any_text_is_one_of_our_topics_or_none(text: str) -> None:
    found = topics.parse(text)
    assert found is None or topics.topic(found.device, found.leaf) == text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name",
    [
        "+",
        "#",
        "gateway",
        "a" * 7,
        "a" * 33,
        "Kiosk-0001",
        "kiosk/0001",
        "kiosk 0001",
        "kiosk+0001",
        "kiosk#001",
        "kiosk-001\n",
        "кіоск-0001",
        "",
    ],
)
def test_what_is_no_device_name_is_refused_with_what_is_allowed(name: str) -> None:
    with pytest.raises(ValueError, match="8 to 32 of a-z, 0-9"):
        topics.device_id(name)
    assert topics.parse(f"vidhuk/1/{name}/up") is None


@pytest.mark.parametrize(
    "topic",
    [
        "vidhuk/2/kiosk-0001/up",
        "vidhuk/1/kiosk-0001/sideways",
        "vidhuk/1/kiosk-0001",
        "/vidhuk/1/kiosk-0001/up",
        "vidhuk/1/kiosk-0001/up/x",
    ],
)
def test_other_topics_are_not_ours(topic: str) -> None:
    assert topics.parse(topic) is None


def test_a_device_reads_and_writes_every_leaf_one_way_only() -> None:
    assert set(DEVICE_WRITES) & set(DEVICE_READS) == set()
    assert set(DEVICE_WRITES) | set(DEVICE_READS) == set(get_args(Leaf))


def test_filters_are_spelt_as_mqtt_wants_them() -> None:
    assert topics.every("health") == "vidhuk/1/+/health"
    assert topics.shared("ingest", "up") == "$share/ingest/vidhuk/1/+/up"
