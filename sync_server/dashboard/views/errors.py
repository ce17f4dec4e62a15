"""Pages for what cannot be shown. They say what to do and nothing about what exists."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """The same words for what isn't there and for what isn't this person's."""
    return render(request, "dashboard/not_found.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    return render(request, "dashboard/server_error.html", status=500)


def form_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without its token: nearly always one that has lain open too long."""
    return render(request, "dashboard/form_refused.html", status=403)
