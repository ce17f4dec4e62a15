"""Speech comes from the installation's own door and nowhere else, whole or not at all."""

import http.server
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.links.packs import PackError, PackLink
from tests.kiosk.authority import Authority
from tests.kiosk.speech_door import Answer, SpeechDoor, answer
from tests.support.speaking import pack_of
from wire.envelopes import VoicePack

SAMPLES = bytes(range(256)) * 2_000


@pytest.fixture
def door(tmp_path: Path) -> Iterator[SpeechDoor]:
    door = SpeechDoor(tmp_path / "door")
    try:
        yield door
    finally:
        door.close()


@pytest.fixture
def pack(tmp_path: Path, door: SpeechDoor) -> VoicePack:
    made = pack_of(tmp_path / "made", "uk", {"Дякуємо!": SAMPLES})
    door.offer(tmp_path / "made" / f"{made.digest.hex()}.zip")
    return made


def never() -> bool:
    return False


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*")) if folder.exists() else []


def test_a_pack_arrives_byte_for_byte(tmp_path: Path, door: SpeechDoor, pack: VoicePack) -> None:
    path = tmp_path / "state" / "speech" / "pack.zip"
    PackLink(door.ca).fetch(door.address, pack, path, never)
    assert path.read_bytes() == door.packs[f"/speech/{pack.digest.hex()}"]
    assert left_in(path.parent) == ["pack.zip"]
    assert path.stat().st_mode & 0o077 == 0


def test_an_address_with_a_slash_behind_it_is_the_same_door(tmp_path: Path, door: SpeechDoor, pack: VoicePack) -> None:
    PackLink(door.ca).fetch(f"{door.address}/", pack, tmp_path / "pack.zip", never)
    assert door.asked == [f"/speech/{pack.digest.hex()}"]


def other_bytes(handler: http.server.BaseHTTPRequestHandler) -> None:
    answer(handler, 200, b"\0" * 200)


def far_too_much(handler: http.server.BaseHTTPRequestHandler) -> None:
    answer(handler, 200, b"\0" * 10_000_000)


def cut_short(handler: http.server.BaseHTTPRequestHandler) -> None:
    answer(handler, 200, b"\0" * 50, promised=100_000)


def error(handler: http.server.BaseHTTPRequestHandler) -> None:
    answer(handler, 503, b"later")


def elsewhere(handler: http.server.BaseHTTPRequestHandler) -> None:
    answer(handler, 302, b"https://127.0.0.1:1/elsewhere")


def nothing(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


@pytest.mark.parametrize("bent", [other_bytes, far_too_much, cut_short, error, elsewhere, nothing])
def test_what_is_not_the_pack_is_not_kept(tmp_path: Path, door: SpeechDoor, pack: VoicePack, bent: Answer) -> None:
    door.bent = bent
    folder = tmp_path / "speech"
    with pytest.raises(PackError):
        PackLink(door.ca).fetch(door.address, pack, folder / "pack.zip", never)
    assert left_in(folder) == []


def test_what_was_there_before_stays_when_the_new_one_does_not_come(tmp_path: Path, door: SpeechDoor, pack: VoicePack) -> None:
    path = tmp_path / "pack.zip"
    path.write_bytes(b"the one before")
    door.bent = other_bytes
    with pytest.raises(PackError):
        PackLink(door.ca).fetch(door.address, pack, path, never)
    assert path.read_bytes() == b"the one before"


def test_a_door_of_another_authority_is_not_believed(tmp_path: Path, door: SpeechDoor, pack: VoicePack) -> None:
    (tmp_path / "other").mkdir()
    ours, _, _ = Authority.make("another CA").server_files(tmp_path / "other")
    with pytest.raises(PackError, match="certificate is not accepted"):
        PackLink(ours).fetch(door.address, pack, tmp_path / "pack.zip", never)
    assert door.asked == []


@pytest.mark.parametrize("days", [(-30, -2), (2, 30)])
def test_a_device_whose_clock_nobody_vouches_for_gets_its_speech_whatever_year_it_believes(
    tmp_path: Path, days: tuple[int, int]
) -> None:
    authority = Authority.make()
    authority.days = days
    door = SpeechDoor(tmp_path / "door", authority)
    made = pack_of(tmp_path / "made", "uk", {"Дякуємо!": SAMPLES})
    door.offer(tmp_path / "made" / f"{made.digest.hex()}.zip")
    try:
        with pytest.raises(PackError, match="certificate is not accepted"):
            PackLink(door.ca).fetch(door.address, made, tmp_path / "pack.zip", never)
        PackLink(door.ca, clock_vouched=lambda: False).fetch(door.address, made, tmp_path / "pack.zip", never)
    finally:
        door.close()


def test_a_device_whose_clock_nobody_vouches_for_believes_no_other_authority(
    tmp_path: Path, door: SpeechDoor, pack: VoicePack
) -> None:
    (tmp_path / "other").mkdir()
    ours, _, _ = Authority.make("another CA").server_files(tmp_path / "other")
    with pytest.raises(PackError, match="certificate is not accepted"):
        PackLink(ours, clock_vouched=lambda: False).fetch(door.address, pack, tmp_path / "pack.zip", never)


def test_a_device_whose_ca_is_lost_says_so(tmp_path: Path, door: SpeechDoor, pack: VoicePack) -> None:
    with pytest.raises(PackError, match="cannot be fetched"):
        PackLink(tmp_path / "no-ca.pem").fetch(door.address, pack, tmp_path / "pack.zip", never)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "file:///etc", "127.0.0.1:1", ""])
def test_nothing_is_fetched_without_https(tmp_path: Path, pack: VoicePack, address: str) -> None:
    with pytest.raises(PackError, match="https"):
        PackLink(tmp_path / "ca.pem").fetch(address, pack, tmp_path / "pack.zip", never)


@pytest.mark.parametrize("address", ["https://", "https://127.0.0.1:port", "https://[::1", "https://127.0.0.1:1"])
def test_an_address_where_nobody_can_be_is_said(tmp_path: Path, door: SpeechDoor, pack: VoicePack, address: str) -> None:
    with pytest.raises(PackError):
        PackLink(door.ca).fetch(address, pack, tmp_path / "pack.zip", never)


def test_a_proxy_of_the_environment_is_not_used(
    tmp_path: Path, door: SpeechDoor, pack: VoicePack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nothing.pem"))
    PackLink(door.ca).fetch(door.address, pack, tmp_path / "pack.zip", never)


def test_a_device_that_stops_gives_up_in_the_middle(tmp_path: Path, door: SpeechDoor, pack: VoicePack) -> None:
    with pytest.raises(PackError, match="stops"):
        PackLink(door.ca).fetch(door.address, pack, tmp_path / "speech" / "pack.zip", lambda: True)
    assert left_in(tmp_path / "speech") == []


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, door: SpeechDoor, pack: VoicePack) -> None:
    (tmp_path / "speech").write_text("no folder")
    with pytest.raises(PackError, match="cannot be written"):
        PackLink(door.ca).fetch(door.address, pack, tmp_path / "speech" / "pack.zip", never)
