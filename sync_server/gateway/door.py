"""The TLS door for devices: enrolment now, later the HTTPS twin of MQTT. A process of its own: no pages, no cookies."""

import logging

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from sync_server.fleet import services
from sync_server.fleet.authority import Authority
from wire import codec
from wire.codec import WireError

log = logging.getLogger(__name__)

LARGEST_REQUEST = 16 * 1024
"""Bytes: a signing request takes under one thousand."""


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
        _read_out(request)
        return _refusal("oversize", f"The request is larger than {LARGEST_REQUEST} bytes.", 413)
    try:
        answer = services.enrol(
            codec.decode_enrol_request(request.body),
            peer=str(request.META.get("REMOTE_ADDR", "")),
            authority=_authority(),
            broker=settings.CONFIG.broker_address,
        )
    except WireError as fault:
        return _refusal(fault.reason, f"The request cannot be read: {fault}.", 400)
    except services.EnrolmentRefused as refusal:
        return _refusal(refusal.reason, str(refusal), refusal.status)
    except DatabaseError:
        log.exception("a device could not be enrolled")
        return _refusal("unavailable", "The server cannot enrol devices at the moment. Try again in a minute.", 503)
    return HttpResponse(codec.encode_enrolment(answer), content_type="application/json")


def _read_out(request: HttpRequest) -> None:
    """Takes in what is still coming, within reason: who is cut off while sending never hears why."""
    for _ in range(64):
        if not request.read(LARGEST_REQUEST):
            return


def _refusal(reason: str, text: str, status: int) -> JsonResponse:
    return JsonResponse({"error": reason, "text": text}, status=status)


urlpatterns = [path("enrol/ca", authority), path("enrol", enrol)]
