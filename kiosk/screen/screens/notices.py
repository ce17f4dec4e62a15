"""The two screens that say what did not work: calmly, and with what to do."""

from kiosk.screen import views
from kiosk.screen.board import Board, snap
from kiosk.screen.drawings import ICON_SIZES
from kiosk.screen.picture import Box
from kiosk.screen.screens import frame
from kiosk.screen.screens.buttons import button, button_size


def not_recorded(board: Board, view: views.NotRecorded) -> None:
    """The answer could not be saved; any touch leads back to the question."""
    head = frame.header(board, view.frame, beside=0)
    height = board.px(76)
    width = max(button_size(board, view.again, board.width - 2 * board.margin, height), board.width // 3)
    foot = Box((board.width - width) // 2, board.height - height - board.px(40), width, height)
    _notice(board, "alert", view.sentence, Box(0, head.bottom, board.width, foot.y - head.bottom))
    button(board, "done", view.again, foot, plain=True)
    board.touchable("done", Box(0, 0, board.width, board.height))


def out_of_order(board: Board, view: views.OutOfOrder) -> None:
    """Nothing can be recorded; the number tells whoever calls which device it is."""
    head = frame.header(board, view.frame, beside=0)
    foot = Box(board.margin, board.height - board.px(100), board.width - 2 * board.margin, board.px(60))
    _notice(board, "pause", view.sentence, Box(0, head.bottom, board.width, foot.y - head.bottom))
    if view.number is not None:
        board.text(view.number, foot, step=0, bold=True, tone="quiet", align="centre")


def _notice(board: Board, icon: str, sentence: str, room: Box) -> None:
    side = snap(ICON_SIZES, board.px(88))
    gap = board.px(20)
    width = min(board.width - 2 * board.margin, board.px(640))
    found = board.setting(sentence, width=width, height=room.h - side - gap, step=2, bold=True, max_lines=4)
    top = room.y + max(0, (room.h - side - gap - found.height) // 2)
    board.icon(icon, Box(room.x, top, room.w, side), "accent")
    words = Box((board.width - width) // 2, top + side + gap, width, found.height)
    board.text(sentence, words, size=found.size, bold=True, align="centre", max_lines=4)
