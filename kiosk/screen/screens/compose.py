"""Which screen composes which view."""

from typing import Final

from kiosk.screen import views
from kiosk.screen.board import Board
from kiosk.screen.picture import Measure, Picture
from kiosk.screen.screens import follow_up, notices, thanks, welcome
from kiosk.screen.theme import Theme

NAMES: Final[dict[type, str]] = {
    views.Welcome: "welcome",
    views.FollowUp: "follow-up",
    views.Thanks: "thanks",
    views.NotRecorded: "not-recorded",
    views.OutOfOrder: "out-of-order",
}


def compose(view: views.View, size: tuple[int, int], theme: Theme, measure: Measure, *, large: bool) -> Picture:
    """The picture of `view` on a screen of `size` px."""
    board = Board(size, theme, measure, large=large)
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
    return board.picture(NAMES[type(view)], view.frame.language, view.frame.pressed)
