"""Which screen composes which view."""

from typing import Final

from kiosk.screen import views
from kiosk.screen.board import Board, Glass
from kiosk.screen.picture import Measure, Picture
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
    """The picture of `view` on `glass`."""
    aid = view.frame.aid
    board = Board(glass, theme, measure, large=aid is not None, focused=aid.focused if aid is not None else None)
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
