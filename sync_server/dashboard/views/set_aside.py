"""What could not be taken: why, from whom, how often, what is in it; and trying it again."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from sync_server.accounts.selectors import keeps_every_court
from sync_server.courts.models import Device
from sync_server.dashboard import contents, device_words
from sync_server.dashboard.views.devices import kept_devices, zone_at
from sync_server.fleet.standing import exits_of
from sync_server.ingest import replay
from sync_server.ingest.models import SetAside

SHOWN: Final = 50
"""Of each reason, the newest."""
AT_ONCE: Final = 500
"""Tried again in one go; the rest by another press."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was set aside, as the page shows it."""

    id: int
    device: str
    known: bool
    when: str
    times: int
    contents: contents.Contents
    outcome: str
    tried: str
    repeatable: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Everything of one reason: the newest of it, and how many there are."""

    reason: str
    title: str
    advice: str
    entries: list[Entry]
    count: int
    times: int
    repeatable: bool


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def page(request: HttpRequest) -> HttpResponse:
    """The page; by POST, another try of what is ticked off by `id`, or of all of one `reason`."""
    now = timezone.now()
    devices = kept_devices(request, now)
    mine = _mine(request, devices)
    if request.method == "POST":
        return _replay(request, mine)
    device = request.GET.get("device", "")
    chosen = mine.filter(device=device) if device else mine
    exits = exits_of(devices, now)
    zones = {name: zone_at(exits.get(number)) for number, name in devices.values_list("pk", "name")}
    open_ones, settled = chosen.filter(pk__in=replay.waiting()), chosen.filter(outcome__in=replay.SETTLED)
    context: dict[str, Any] = {
        "room": "devices",
        "lead": device_words.aside_lead(open_ones.count()),
        "device": device,
        "tried": _tried(mine, request.GET.get("tried", "")),
        "groups": _groups(open_ones, zones),
        "settled": [_entry(each, zones) for each in settled.order_by("-replayed", "-id")[:SHOWN]],
    }
    return render(request, "dashboard/set_aside.html", context)


def _mine(request: HttpRequest, devices: QuerySet[Device]) -> QuerySet[SetAside]:
    """Of the devices this person looks after; and of strangers, for who looks after everything."""
    own = Q(device__in=devices.values("name"))
    if keeps_every_court(request.user):
        own |= ~Q(device__in=Device.objects.values("name"))
    return SetAside.objects.filter(own)


def _groups(entries: QuerySet[SetAside], zones: dict[str, ZoneInfo]) -> list[Group]:
    totals = entries.values_list("reason").annotate(sum=Sum("times")).order_by("reason")
    worth_it = Counter(entries.filter(pk__in=replay.repeatable()).values_list("reason", flat=True))
    groups = []
    for reason, times in totals:
        title, advice = device_words.reason(reason)
        of_it = entries.filter(reason=reason)
        shown = [_entry(each, zones) for each in of_it.order_by("-received", "-id")[:SHOWN]]
        groups.append(Group(reason, title, advice, shown, of_it.count(), times, worth_it[reason] > 0))
    return groups


def _entry(found: SetAside, zones: dict[str, ZoneInfo]) -> Entry:
    zone = zones.get(found.device, ZoneInfo("UTC"))
    return Entry(
        id=found.pk,
        device=found.device,
        known=found.device in zones,
        when=device_words.stamp(found.received, zone),
        times=found.times,
        contents=contents.of(found),
        outcome=device_words.outcome(found.outcome) if found.outcome else "",
        tried="" if found.replayed is None else device_words.stamp(found.replayed, zone),
        repeatable=replay.is_repeatable(found),
    )


def _replay(request: HttpRequest, mine: QuerySet[SetAside]) -> HttpResponse:
    """Tries again, and shows what came of it on the page that follows: by the stamp of this try, which stands beside each."""
    wanted = mine.filter(pk__in=replay.repeatable())
    if "reason" in request.POST:
        wanted = wanted.filter(reason=request.POST["reason"])
    else:
        wanted = wanted.filter(pk__in=_numbers(request.POST.getlist("id")))
    if device := request.POST.get("device", ""):
        wanted = wanted.filter(device=device)
    now = time.time()
    replay.replay(wanted.order_by("received", "id")[:AT_ONCE], now=lambda: now)
    asked = {"tried": str(int(now * 1000))} | ({"device": device} if device else {})
    return HttpResponseRedirect(f"{reverse('set-aside')}?{urlencode(asked)}")


def _numbers(words: Iterable[str]) -> list[int]:
    return [int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 19]


def _tried(mine: QuerySet[SetAside], stamp: str) -> str:
    found = Counter(mine.filter(replayed__in=_numbers([stamp])).values_list("outcome", flat=True))
    return device_words.tried(sorted(found.items())) if found else ""
