"""The page of one court, its live part and its figures as files."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from sync_server.accounts.selectors import courts_visible_to
from sync_server.courts.models import Court
from sync_server.dashboard import blocks
from sync_server.dashboard.asked import OVERALL, scale_of
from sync_server.dashboard.seen import parse
from sync_server.results import selectors


def _court(request: HttpRequest, slug: str) -> Court:
    """The court, if it is there and this person's; the same 404 for either."""
    return get_object_or_404(courts_visible_to(request.user), slug=slug)


@require_safe
@never_cache
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """The whole page."""
    court = _court(request, slug)
    return render(request, "dashboard/court.html", {"room": "court", "court": court, **blocks.court_context(court, timezone.now())})


@require_safe
@never_cache
def live(request: HttpRequest, slug: str) -> HttpResponse:
    """What has changed since the page was last told: nothing (204), the first lines, or everything.

    `seen` is the token the page was given; anything else is refused.
    """
    court = _court(request, slug)
    seen = parse(request.GET.get("seen", ""))
    if seen is None:
        reason = "“seen” is not a token of this page. Reload the page."
        return HttpResponseBadRequest(reason, content_type="text/plain; charset=utf-8")
    today = court.local_date(timezone.now())
    now = selectors.revision(court, today=today)
    if now == seen:
        return HttpResponse(status=204)
    if (now.shown, now.today) == (seen.shown, seen.today):
        front = selectors.front(court, OVERALL, today=today, points=scale_of(OVERALL).points)
        if (front.revision.shown, front.revision.today) == (seen.shown, seen.today):
            return render(request, "dashboard/live_totals.html", {"court": court, **blocks.front_context(front)})
    return render(request, "dashboard/live_all.html", {"court": court, **blocks.court_context(court, timezone.now())})


@require_safe
def csv_file(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """The figures of one chart as CSV."""
    court = _court(request, slug)
    now = timezone.now()
    table = blocks.tables_of(court, now).get(name)
    if table is None:
        raise Http404
    response = HttpResponse(table.csv(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{court.slug}-{name}-{court.local_date(now).isoformat()}.csv"'
    return response
