"""The HTTPS twin of MQTT, for devices whose network lets no MQTT through: the same bytes to the same clerk, and the same answers.

What MQTT would have brought down comes back as the body: an Ack for what goes `up`, a Bundle for a report or a result. The door
knows no client certificates, so every message is signed with its device's key.
"""

import logging
import threading
import time
from base64 import b64decode
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.urls import path, register_converter
from django.views.decorators.http import require_POST

from sync_server.fleet.authority import Authority
from sync_server.fleet.services import Places
from sync_server.gateway.answers import Clerk
from sync_server.gateway.replies import read_out, refusal
from sync_server.gateway.together import NotTaken, Together
from sync_server.ingest.services import Outcome, Received, known_devices
from wire import VERSION, chain, codec
from wire.codec import Envelope
from wire.envelopes import MAX_BYTES, Ack, Bundle, Downward, SignedConfig
from wire.topics import DEVICE_PATTERN, SIGNATURE

log = logging.getLogger(__name__)

LEAVES: Final = ("up", "health", "result")
"""What a device says over HTTPS. Presence is MQTT's: a report says that its device is there."""
TAKING: Final = 16
"""Messages that may be under way here: a slow line holds a thread until all of its message has come, and the door has
others to serve. Who is turned away comes again by itself."""

_room = threading.BoundedSemaphore(TAKING)


@cache
def _clerk_of(folder: Path, places: Places) -> Clerk:
    """One for as long as the process lives, so that it says once what it would have to say every minute."""
    return Clerk(authority=Authority(folder), places=places)


def _clerk() -> Clerk:
    config = settings.CONFIG
    return _clerk_of(config.authority_dir, Places(config.door_url, config.public.url))


def _take(messages: Sequence[Received]) -> list[Outcome | None]:
    return _clerk().take(messages)


_together = Together(_take)


@require_POST
def message(request: HttpRequest, device: str, leaf: str) -> HttpResponse:
    """A message of `device`, signed; its answer is as MQTT would give it."""
    if not _room.acquire(blocking=False):
        return refusal("busy", "Too many devices are sending at once. Come back in a moment.", 503)
    try:
        return _answered(request, device, leaf)
    finally:
        _room.release()


def _answered(request: HttpRequest, device: str, leaf: str) -> HttpResponse:
    body = request.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        read_out(request)
        return refusal("oversize", f"The message is larger than {MAX_BYTES} bytes.", 413)
    received = Received(device, request.META.get("CONTENT_TYPE", ""), body, int(time.time() * 1000))
    try:
        refused = _refused(received, leaf, request.headers.get(SIGNATURE, ""))
        if refused is not None:
            return refused
        return _taken_up(received) if leaf == "up" else _taken_report(received, leaf)
    except (DatabaseError, InterfaceError, NotTaken):
        log.exception("a message of %s could not be taken; it will be sent again", device)
        return refusal("unavailable", "The server cannot take messages at the moment. Try again in a minute.", 503)


def _refused(message: Received, leaf: str, signature: str) -> HttpResponse | None:
    """Why `message` is nobody's we listen to; none if it is. Nothing of a stranger is kept: anybody can reach this address."""
    key = known_devices([message.device]).get(message.device)
    if key is None:
        return refusal("unknown-device", f"No device is called {message.device}. Enrol it again.", 401)
    statement = chain.request_statement(message.device, leaf, message.content_type or "", message.data)
    if not _is_signed(key.public_key, statement, signature):
        return refusal("wrong-signature", f"The message is not signed by the key of {message.device}.", 401)
    if key.revoked:
        return refusal("revoked", f"The identity of {message.device} has been withdrawn. Enrol the device anew.", 403)
    return None


def _is_signed(public_key: bytes, statement: bytes, signature: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(b64decode(signature, validate=True), statement)
    except (InvalidSignature, ValueError):
        return False
    return True


def _taken_up(message: Received) -> HttpResponse:
    outcome = _together.take(message)
    if outcome is None:
        return refusal("internal", "The server failed at this message and has set it aside; its log says how.", 500)
    if outcome.ack is None:
        return refusal("unreadable", "The message cannot be read. It is set aside with the reason, on the server's pages.", 400)
    return _answer(outcome.ack)


def _taken_report(message: Received, leaf: str) -> HttpResponse:
    clerk = _clerk()
    if leaf == "health":
        reported = clerk.note_health(message)
        if reported.signed is not None:
            return _answer(_bundle("config", reported.signed))
        return _answer(_bundle("down", clerk.standing(message.device, int(time.time() * 1000), stream=reported.stream)))
    clerk.note_result(message)
    return _answer(_bundle("down", None))


def _bundle(leaf: str, message: Ack | SignedConfig | None) -> Bundle:
    """What waits for a device, as MQTT would have brought it: one thing at a time, so that what fits a message fits here too."""
    return Bundle(VERSION, [] if message is None else [Downward(leaf, *codec.encode(message))])


def _answer(envelope: Envelope) -> HttpResponse:
    content_type, data = codec.encode(envelope)
    return HttpResponse(data, content_type=content_type)


class _Device:
    """A device's name in an address, and nothing else that a path could be made of."""

    regex = DEVICE_PATTERN

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class _Leaf(_Device):
    regex = "|".join(LEAVES)


register_converter(_Device, "device")
register_converter(_Leaf, "leaf")

urlpatterns = [path("device/<device:device>/<leaf:leaf>", message)]
