"""The token by which a page says what it has already shown. Pure."""

import re
from datetime import date
from typing import Final

from sync_server.results.selectors import Revision

SHAPE: Final = re.compile(r"(\d{1,18})\.(\d{1,18})\.(\d{1,7})", re.ASCII)


def token(revision: Revision) -> str:
    return f"{revision.fresh}.{revision.shown}.{revision.today.toordinal()}"


def parse(text: str) -> Revision | None:
    """The revision a token stands for; none for anything that is no token."""
    found = SHAPE.fullmatch(text)
    if not found:
        return None
    fresh, shown, day = (int(part) for part in found.groups())
    if not date.min.toordinal() <= day <= date.max.toordinal():
        return None
    return Revision(fresh, shown, date.fromordinal(day))
