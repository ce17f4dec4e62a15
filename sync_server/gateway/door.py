"""The TLS door for devices: enrolment, speech, the HTTPS twin of MQTT. A process of its own: no pages, no cookies."""

import io
import logging
import threading
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import DatabaseError
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import path, register_converter
from django.views.decorators.http import require_GET, require_POST

from sync_server.fleet import services
from sync_server.fleet.authority import Authority
from sync_server.fleet.speech import pack_file
from sync_server.gateway import twin
from sync_server.gateway.replies import read_out, refusal
from wire import codec
from wire.codec import WireError

log = logging.getLogger(__name__)

LARGEST_REQUEST = 16 * 1024
"""Bytes: a signing request takes under one thousand."""

FETCHING: Final = 2
"""Packs of speech on their way at once: fewer than the door has threads, so that a device can always enrol."""

_slots = threading.BoundedSemaphore(FETCHING)


def _authority() -> Authority:
    return Authority(settings.CONFIG.authority_dir)


@require_GET
def authority(_: HttpRequest) -> HttpResponse:
    """Our CA's certificate. A device compares its fingerprint before it believes anything else."""
    return HttpResponse(_authority().certificate_pem, content_type="application/x-pem-file")


@require_POST
def enrol(request: HttpRequest) -> HttpResponse:
    """A one-time code and a signing request in, an identity out."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_REQUEST:
        read_out(request)
        return refusal("oversize", f"The request is larger than {LARGEST_REQUEST} bytes.", 413)
    try:
        answer = services.enrol(
            codec.decode_enrol_request(request.body),
            peer=str(request.META.get("REMOTE_ADDR", "")),
            authority=_authority(),
            broker=settings.CONFIG.broker_address,
            places=services.Places(settings.CONFIG.door_url, settings.CONFIG.public.url),
        )
    except WireError as fault:
        return refusal(fault.reason, f"The request cannot be read: {fault}.", 400)
    except services.EnrolmentRefused as refused:
        return refusal(refused.reason, str(refused), refused.status)
    except DatabaseError:
        log.exception("a device could not be enrolled")
        return refusal("unavailable", "The server cannot enrol devices at the moment. Try again in a minute.", 503)
    return HttpResponse(codec.encode_enrolment(answer), content_type="application/json")


@require_GET
def speech(_: HttpRequest, digest: str) -> HttpResponseBase:
    """A pack of speech by its SHA-256. It never changes, and it holds nothing that is not shown on a kiosk."""
    if not _slots.acquire(blocking=False):
        return refusal("busy", "Other devices are fetching speech. Come back later.", 503)
    try:
        pack = _Fetched(pack_file(settings.CONFIG.speech_dir, digest))
    except OSError as fault:
        _slots.release()
        if isinstance(fault, FileNotFoundError):
            return refusal("no-such-speech", "There is no such speech here any more.", 404)
        log.exception("speech that was made cannot be read")
        return refusal("unavailable", "The speech cannot be read at the moment. Try again later.", 503)
    response = FileResponse(pack, content_type="application/zip")
    response["Content-Length"] = str(pack.size)
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


class _Fetched(io.FileIO):
    """A file on its way to a device; closing it, whatever became of the device, gives its slot to the next."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.size = path.stat().st_size
        self._held = True

    def close(self) -> None:
        held, self._held = getattr(self, "_held", False), False
        super().close()
        if held:
            _slots.release()


class _Digest:
    """64 hexadecimal digits of an address, and nothing else that a path could be made of."""

    regex = "[0-9a-f]{64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(_Digest, "digest")


urlpatterns = [
    path("enrol/ca", authority),
    path("enrol", enrol),
    path("speech/<digest:digest>", speech),
    *twin.urlpatterns,
]
