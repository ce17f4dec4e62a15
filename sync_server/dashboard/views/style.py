"""What needs no sign-in and no database: the theme as CSS, and whether this process answers."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_safe

from sync_server.dashboard.theme import theme


def _version(_: HttpRequest) -> str:
    return f'"{theme().version}"'


@login_not_required
@require_safe
@cache_control(max_age=3600, public=True)
@condition(etag_func=_version)
def theme_css(_: HttpRequest) -> HttpResponse:
    """The tokens of `assets/theme.toml` as CSS variables, light and dark."""
    return HttpResponse(theme().css, content_type="text/css; charset=utf-8")


@login_not_required
@require_safe
def alive(_: HttpRequest) -> HttpResponse:
    """Says that pages are served; for whoever starts or watches this process."""
    return HttpResponse("alive\n", content_type="text/plain; charset=utf-8")
