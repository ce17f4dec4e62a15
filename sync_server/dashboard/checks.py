"""Start-up check: the theme can be read."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from sync_server.dashboard.theme import ThemeError, theme


@register("dashboard")
def theme_file(**_: Any) -> list[CheckMessage]:
    """dashboard.E001: assets/theme.toml is missing, broken or has colours that cannot be read."""
    try:
        theme()
    except ThemeError as error:
        return [Error(str(error), hint="Mend assets/theme.toml.", id="dashboard.E001")]
    return []
