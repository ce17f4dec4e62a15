"""All the courts a person may see, one line each."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from sync_server.accounts.selectors import courts_visible_to
from sync_server.dashboard import words
from sync_server.dashboard.asked import OVERALL, scale_of
from sync_server.dashboard.bars import stacked
from sync_server.results import selectors


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """The overview."""
    courts = list(courts_visible_to(request.user))
    scale = scale_of(OVERALL)
    lines = selectors.overview(courts, OVERALL, now=timezone.now(), points=scale.points)
    return render(
        request,
        "dashboard/overview.html",
        {
            "room": "overview",
            "rows": [(line, stacked(line.month.distribution)) for line in lines],
            "words": scale.words,
            "lead": words.overview_lead(lines),
            "samples": [line for line in lines if line.court.is_sample],
        },
    )
