"""What every page needs: the rooms' list of courts and the theme."""

from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from sync_server.accounts.selectors import courts_kept_by, courts_visible_to
from sync_server.courts.models import Court
from sync_server.dashboard import words
from sync_server.dashboard.theme import theme

COURTS_IN_LIST: Final = 20
"""More than these make no list that anybody reads: then the overview is the list."""


def page(request: HttpRequest) -> dict[str, Any]:
    """Lazy, so that the every-second answer of a page pays for none of it."""
    user = getattr(request, "user", None)

    def listed() -> list[Court]:
        courts = list(courts_visible_to(user)[: COURTS_IN_LIST + 1]) if user is not None else []
        return courts if len(courts) <= COURTS_IN_LIST else []

    return {
        "keeps_devices": SimpleLazyObject(lambda: user is not None and courts_kept_by(user).exists()),
        "my_courts": SimpleLazyObject(listed),
        "step_note": SimpleLazyObject(lambda: words.step_note(settings.VIDHUK_LIVE_STEP)),
        "theme_version": theme().version,
        "vega_theme": theme().vega,
    }
