"""What every page needs: the rooms' list of courts and the theme."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from sync_server.accounts.selectors import courts_visible_to
from sync_server.dashboard.theme import theme


def page(request: HttpRequest) -> dict[str, Any]:
    """Lazy, so that the every-second answer of a page pays for none of it."""
    user = getattr(request, "user", None)
    return {
        "my_courts": SimpleLazyObject(lambda: list(courts_visible_to(user)) if user is not None else []),
        "theme_version": theme().version,
        "vega_theme": theme().vega,
    }
