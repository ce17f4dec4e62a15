"""The addresses of the private pages. Public pages run as a process of their own."""

from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

urlpatterns: list[URLPattern | URLResolver] = [
    path("language/", login_not_required(set_language), name="set_language"),
    path("", include("sync_server.dashboard.urls")),
]

handler404 = "sync_server.dashboard.views.errors.not_found"
handler500 = "sync_server.dashboard.views.errors.server_error"
