"""The first question: what a visitor sees on walking up."""

from kiosk.screen import views
from kiosk.screen.board import Board
from kiosk.screen.picture import Box
from kiosk.screen.screens import frame
from kiosk.screen.screens.choices import options


def compose(board: Board, view: views.Welcome) -> None:
    """One question over the upper third, the options across the whole width, and nothing else but the quiet lines around."""
    head = frame.header(board, view.frame, beside=0)
    foot = _footer(board, view)
    third = board.height // 3 if not board.portrait else board.height // 4
    question = Box(board.margin, head.bottom, board.width - 2 * board.margin, third - head.bottom + board.px(16))
    if board.large:
        question = Box(question.x, question.y, question.w, min(question.h + board.px(8), 2 * board.line(2)))
    board.text(view.question, question, step=2, bold=True, align="centre", max_lines=2)
    side = board.px(12) if not board.portrait else board.margin
    top = question.bottom + (0 if board.large else board.px(4))
    options(board, view.choices, Box(side, top, board.width - 2 * side, foot.y - top - board.px(8)))


def _footer(board: Board, view: views.Welcome) -> Box:
    """The accessibility control at the bottom left, the privacy line bottom centre; above it where both do not fit side by side."""
    height = max(board.px(frame.TOUCH), 2 * round(board.least * 1.25))
    row = Box(board.margin, board.height - height - board.px(4), board.width - 2 * board.margin, height)
    control = frame.larger(board, view.frame, row, words=True)
    keep = control.right + board.px(28)
    centred = Box(keep, row.y, board.width - 2 * keep, row.h)
    width = board.measure(view.privacy, board.least, False)
    if width <= centred.w:
        board.text(view.privacy, centred, size=board.least, tone="quiet", align="centre")
    elif not board.portrait:
        beside = Box(keep, row.y, board.width - board.margin - keep, row.h)
        board.text(view.privacy, beside, size=board.least, tone="quiet", align="right", max_lines=2)
    else:
        above = Box(row.x, row.y - round(board.least * 1.25), row.w, round(board.least * 1.25))
        board.text(view.privacy, above, size=board.least, tone="quiet", align="centre")
        return Box(row.x, above.y, row.w, row.bottom - above.y)
    return row
