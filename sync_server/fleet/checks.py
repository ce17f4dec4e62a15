"""Start-up check: somebody can speak."""

from typing import Any

from django.core.checks import CheckMessage, Warning, register

from sync_server.fleet.voices import Espeak, NoSpeaker


@register("fleet")
def speaker(**_: Any) -> list[CheckMessage]:
    """fleet.W001: kiosks will be silent, which shuts out whoever cannot see."""
    try:
        if Espeak().languages:
            return []
        reason = "espeak-ng has no voices."
    except NoSpeaker as fault:
        reason = str(fault)
    return [
        Warning(
            f"Kiosks stay silent in their accessible mode. {reason}",
            hint="Install the package espeak-ng on the server and start it again.",
            id="fleet.W001",
        )
    ]
