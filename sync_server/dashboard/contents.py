"""What is in a message that was set aside, as far as it can be read. Never how somebody answered: nobody may see that."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from sync_server.dashboard.words import number
from sync_server.ingest import replay
from sync_server.ingest.models import SetAside
from wire import codec
from wire.codec import WireError
from wire.envelopes import Batch, Hello
from wire.events import Answer, Event, Flag, Left, Passage, Retract

SHOWN_ROWS: Final = 20
"""Of a batch: a page may hold hundreds of batches, and the first rows tell what it is."""


@dataclass(frozen=True, slots=True)
class Contents:
    """`what` in a few words, `rows` of a batch as (place, what happened, about which item); or, of what cannot be read, size
    and SHA-256. Its bytes are not shown: an answer may stand among them, in a form that is newer than this server.
    """

    what: str
    rows: list[tuple[str, str, str]]
    size: str
    digest: str
    cut: bool = False
    """Whether there are more rows than are shown."""


def of(entry: SetAside) -> Contents:
    """What `entry` holds."""
    data = bytes(entry.data)
    if not data:
        return Contents(_("nothing of it was kept"), [], "", "")
    if replay.is_row(entry):
        place = number(entry.seq or 0)
        what = _("row %(place)s of a batch") % {"place": place}
        try:
            return Contents(what, [_told(place, codec.decode_event(data))], "", "")
        except WireError:
            return _unread(what, data)
    try:
        message = codec.decode_upward(entry.content_type or None, data)
    except WireError:
        return _unread(_("a message"), data)
    if isinstance(message, Hello):
        return Contents(_("a greeting"), [], "", "")
    rows = ngettext("a batch of %(n)s row", "a batch of %(n)s rows", len(message.rows)) % {"n": number(len(message.rows))}
    return Contents(rows, _rows(message), "", "", len(message.rows) > SHOWN_ROWS)


def _rows(batch: Batch) -> list[tuple[str, str, str]]:
    found = []
    for seq, row in enumerate(batch.rows[:SHOWN_ROWS], batch.first):
        try:
            found.append(_told(number(seq), codec.decode_event(row)))
        except WireError:
            found.append((number(seq), _("cannot be read"), ""))
    return found


def _told(place: str, event: Event) -> tuple[str, str, str]:
    names: dict[type[Event], str] = {
        Answer: _("an answer"),
        Retract: _("an answer taken back"),
        Left: _("left without an answer"),
        Passage: _("people counted at the door"),
        Flag: _("a doubt about a visit"),
    }
    return place, names[type(event)], event.item


def _unread(what: str, data: bytes) -> Contents:
    size = ngettext("%(n)s byte", "%(n)s bytes", len(data)) % {"n": number(len(data))}
    return Contents(f"{what}, {size}", [], size, sha256(data).hexdigest())
