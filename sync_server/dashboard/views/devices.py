"""The devices of a person's courts, and one of them: what it has recorded, what has arrived, and the proof that this is counted."""

from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from sync_server.accounts.selectors import courts_kept_by, keeps_every_court
from sync_server.courts.models import Device, Exit
from sync_server.dashboard import device_tables, device_words, proof_words
from sync_server.fleet.standing import Standing, devices_at, standings
from sync_server.keeping.warnings import warnings
from sync_server.results.reconciliation import Reconciliation, reconcile

USUAL_DAYS: Final = 7
MOST_DAYS: Final = 92
"""A period's length: each day is counted afresh for it."""


def kept_devices(request: HttpRequest, now: datetime) -> QuerySet[Device]:
    """The devices this person looks after. Who looks after none finds no such page."""
    courts, elsewhere = courts_kept_by(request.user), keeps_every_court(request.user)
    if not elsewhere and not courts.exists():
        raise Http404
    return devices_at(courts, elsewhere=elsewhere, now=now)


def zone_at(exit: Exit | None) -> ZoneInfo:
    """The zone in which times about a device at `exit` are told: its court's."""
    return exit.court.zone if exit is not None else ZoneInfo("UTC")


@require_safe
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """All of them."""
    now = timezone.now()
    found = standings(kept_devices(request, now), now)
    lines = [(each, device_words.state(each, zone_at(each.exit)), device_words.trouble(each)) for each in found]
    return render(
        request,
        "dashboard/devices.html",
        {
            "room": "devices",
            "lead": device_words.list_lead(found),
            "lines": lines,
            # They concern every court, and nobody of a single one can do anything about them.
            "warnings": list(warnings(settings.CONFIG)) if keeps_every_court(request.user) else [],
        },
    )


@require_safe
@never_cache
def page(request: HttpRequest, name: str) -> HttpResponse:
    """One device, with its reconciliation for a period: the last week, or what is asked for."""
    now = timezone.now()
    standing = _standing(request, name, now)
    zone = zone_at(standing.exit)
    asked = _reconcile(request, standing, now)
    shortened = _first_asked(request, asked.last) < asked.first
    context: dict[str, Any] = {
        "room": "devices",
        "court": standing.exit.court if standing.exit else None,
        "standing": standing,
        "device": standing.device,
        "lead": device_words.lead(standing, zone),
        "line": device_words.line(standing, zone),
        "alarms": device_words.alarms(standing),
        "notes": standing.health.notes if standing.health else [],
        "streams": [(each, bytes(each.stream).hex()[:8], device_words.stream_state(each)) for each in standing.streams],
        "set_aside": [(device_words.reason(word)[0], n) for word, n in sorted(standing.set_aside.items())],
        "reconciliation": asked,
        "sentence": proof_words.verdict(asked, zone),
        "open_points": proof_words.open_points(asked),
        "shortened": proof_words.shortened(asked, MOST_DAYS) if shortened else "",
        "table": device_tables.reconciliation(asked),
    }
    return render(request, "dashboard/device.html", context)


@require_safe
@never_cache
def reconciliation_csv(request: HttpRequest, name: str) -> HttpResponse:
    """The same period as a file."""
    standing = _standing(request, name, timezone.now())
    found = _reconcile(request, standing, timezone.now())
    table = device_tables.reconciliation_file(standing, found)
    response = HttpResponse(table.csv(), content_type="text/csv; charset=utf-8")
    file = f"{standing.device.name}-{found.first.isoformat()}-{found.last.isoformat()}.csv"
    response["Content-Disposition"] = f'attachment; filename="{file}"'
    return response


def _standing(request: HttpRequest, name: str, now: datetime) -> Standing:
    (standing,) = standings([get_object_or_404(kept_devices(request, now), name=name)], now)
    return standing


def _reconcile(request: HttpRequest, standing: Standing, now: datetime) -> Reconciliation:
    """For the period asked for; what is no period is put right rather than refused: the page shows what it shows."""
    today = now.astimezone(zone_at(standing.exit)).date()
    last = min(_day(request.GET.get("to")) or today, today)
    first = max(_first_asked(request, last), last - timedelta(days=MOST_DAYS - 1))
    return reconcile(
        standing.device,
        first,
        last,
        courts=list(courts_kept_by(request.user)),
        health=standing.health,
        heard_at=standing.heard_at,
        at_risk=standing.at_risk,
    )


def _first_asked(request: HttpRequest, last: date) -> date:
    return min(_day(request.GET.get("from")) or last - timedelta(days=USUAL_DAYS - 1), last)


def _day(text: str | None) -> date | None:
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.year >= 2000 else None
