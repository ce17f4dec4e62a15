"""Which screen composes which view."""

from dataclasses import replace
from math import floor
from typing import Final

from kiosk.screen import views
from kiosk.screen.board import Board, Glass
from kiosk.screen.picture import Measure, Picture, Text
from kiosk.screen.screens import follow_up, notices, thanks, welcome
from kiosk.screen.theme import Theme

NAMES: Final[dict[type, str]] = {
    views.Welcome: "welcome",
    views.FollowUp: "follow-up",
    views.Thanks: "thanks",
    views.NotRecorded: "not-recorded",
    views.OutOfOrder: "out-of-order",
    views.Closed: "closed",
    views.Cleaning: "cleaning",
}


def compose(view: views.View, glass: Glass, theme: Theme, measure: Measure) -> Picture:
    """The picture of `view` on `glass`. Words that have no room to grow by half in the accessible mode are no larger in the
    usual look than lets them."""
    if view.frame.aid.on:
        return _picture(view, Board(glass, theme, measure, large=True, focused=view.frame.aid.focused))
    aided = replace(view, frame=replace(view.frame, aid=replace(view.frame.aid, on=True)))
    caps: dict[str, int] = {}
    for mark in _picture(aided, Board(glass, theme, measure, large=True)).marks:
        if isinstance(mark, Text):
            words = " ".join(mark.lines)
            caps[words] = min(caps.get(words, mark.size), floor((mark.size + 1) / theme.large_text))
    return _picture(view, Board(glass, theme, measure, large=False, caps=caps))


def _picture(view: views.View, board: Board) -> Picture:
    match view:
        case views.Welcome():
            welcome.compose(board, view)
        case views.FollowUp():
            follow_up.compose(board, view)
        case views.Thanks():
            thanks.compose(board, view)
        case views.NotRecorded():
            notices.not_recorded(board, view)
        case views.OutOfOrder():
            notices.out_of_order(board, view)
        case views.Closed():
            notices.closed(board, view)
        case views.Cleaning():
            notices.cleaning(board, view)
    renews_at = view.next_second if isinstance(view, views.Cleaning) else None
    return board.picture(NAMES[type(view)], view.frame.language, view.frame.pressed, renews_at)
