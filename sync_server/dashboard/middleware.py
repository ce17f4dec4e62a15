"""A page that polls must be told that its person has been signed out, not be given a sign-in page to swap in."""

from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect


class SignInRequired(LoginRequiredMiddleware):
    """Every page needs a sign-in unless it says otherwise."""

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseBase:
        if getattr(request, "htmx", False):
            return HttpResponseClientRedirect(reverse("sign-in"))
        return super().handle_no_permission(request, view_func)
