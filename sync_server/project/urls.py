"""The addresses of the private pages. Public pages run as a process of their own."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("language/", include("django.conf.urls.i18n")),
    path("", include("sync_server.dashboard.urls")),
]

handler404 = "sync_server.dashboard.views.errors.not_found"
handler500 = "sync_server.dashboard.views.errors.server_error"
