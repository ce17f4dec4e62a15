"""Start-up checks: a server that cannot work says so at once, with an id, the reason and the fix."""

import os
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

SECRET_KEY_LENGTH: Final = 50
WEB_LIBRARIES: Final = ("vega/vega.min.js", "vega-lite/vega-lite.min.js", "vega-embed/vega-embed.min.js")


@register("vidhuk")
def state_directory(**_: Any) -> list[CheckMessage]:
    """vidhuk.E001: the state directory is missing or cannot be written."""
    folder = Path(settings.CONFIG.state_dir)
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return []
    return [
        Error(
            f"The state directory {folder} is missing or cannot be written.",
            hint="Create it and give it to the user who runs the server, or change state_dir.",
            id="vidhuk.E001",
        )
    ]


@register("vidhuk")
def secret_key(**_: Any) -> list[CheckMessage]:
    """vidhuk.E002: the secret key is too short to sign sessions with."""
    if len(settings.SECRET_KEY) >= SECRET_KEY_LENGTH:
        return []
    return [
        Error(
            f"The secret key has {len(settings.SECRET_KEY)} characters.",
            hint=f"Delete the key file in the state directory: a new one of at least {SECRET_KEY_LENGTH} is made at start.",
            id="vidhuk.E002",
        )
    ]


@register("vidhuk")
def time_zones(**_: Any) -> list[CheckMessage]:
    """vidhuk.E003: without a zone database no day of any court can be told."""
    try:
        ZoneInfo("Europe/Kyiv")
    except ZoneInfoNotFoundError:
        return [
            Error(
                "This machine's time zone database does not know Europe/Kyiv.",
                hint="Install the package tzdata.",
                id="vidhuk.E003",
            )
        ]
    return []


@register("vidhuk")
def web_libraries(**_: Any) -> list[CheckMessage]:
    """vidhuk.E004: the charts' libraries are not where they belong."""
    missing = [name for name in WEB_LIBRARIES if not (settings.ASSETS / "vendor" / name).is_file()]
    if not missing:
        return []
    return [
        Error(
            f"The web libraries {', '.join(missing)} are missing.",
            hint="Put them back into assets/vendor; assets/vendor/README.md says which versions.",
            id="vidhuk.E004",
        )
    ]


@register("vidhuk")
def live_step(**_: Any) -> list[CheckMessage]:
    """vidhuk.W001: with a step under five, somebody who watches the page can tell how the last visitor answered."""
    if settings.VIDHUK_LIVE_STEP >= 5:
        return []
    return [
        Warning(
            f"live_step is {settings.VIDHUK_LIVE_STEP}: distributions follow so few answers that one visitor's can be told.",
            hint="Set live_step = 5 anywhere but in a demonstration.",
            id="vidhuk.W001",
        )
    ]
