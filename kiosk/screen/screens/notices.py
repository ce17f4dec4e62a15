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
    foot = _footer(board, view.frame)
    height = board.px(76)
    width = max(button_size(board, view.again, board.width - 2 * board.margin, height), board.width // 3)
    spot = Box((board.width - width) // 2, foot.y - height - board.px(8), width, height)
    _notice(board, "alert", view.sentence, None, Box(0, head.bottom, board.width, spot.y - head.bottom - board.px(12)))
    button(board, "done", view.again, spot, plain=True)
    board.touchable("done", Box(0, 0, board.width, board.height))


def out_of_order(board: Board, view: views.OutOfOrder) -> None:
    """Nothing can be recorded; the number tells whoever calls which device it is."""
    head = frame.header(board, view.frame, beside=0)
    foot = _footer(board, view.frame)
    _notice(board, "pause", view.sentence, view.number, Box(0, head.bottom, board.width, foot.y - head.bottom))


def _footer(board: Board, around: views.Frame) -> Box:
    height = max(board.px(frame.TOUCH), 2 * round(board.least * 1.25))
    row = Box(board.margin, board.height - height - board.px(4), board.width - 2 * board.margin, height)
    frame.larger(board, around, row, words=True)
    return row


def _notice(board: Board, icon: str, sentence: str, number: str | None, room: Box) -> None:
    """Sign, sentence and number as one block in the middle of `room`."""
    side, gap = snap(ICON_SIZES, board.px(88)), board.px(18)
    width = board.width - 2 * board.margin
    number_h = board.line(0.5) + gap // 2 if number is not None else 0
    found = board.setting(sentence, width=width, height=room.h - side - gap - number_h, step=2, bold=True, max_lines=4)
    top = room.y + max(0, (room.h - side - gap - found.height - number_h) // 2)
    board.icon(icon, Box(room.x, top, room.w, side), "accent")
    words = Box(board.margin, top + side + gap, width, found.height)
    board.text(sentence, words, size=found.size, bold=True, align="centre", max_lines=4)
    if number is not None:
        below = Box(board.margin, words.bottom + gap // 2, width, board.line(0.5))
        board.text(number, below, step=0.5, bold=True, tone="quiet", align="centre")
