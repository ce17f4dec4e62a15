"""A further question: the rating is saved already, and the face that was chosen stays in sight."""

from kiosk.screen import views
from kiosk.screen.board import FACE_SIZES, Board, snap
from kiosk.screen.picture import Box
from kiosk.screen.screens import frame
from kiosk.screen.screens.buttons import button, button_size
from kiosk.screen.screens.choices import options


def compose(board: Board, view: views.FollowUp) -> None:
    """Chosen face and thanks on top, the question, its options, and at the bottom undo and skip."""
    side = snap(FACE_SIZES, board.px(68))
    head = frame.header(board, view.frame, beside=0 if board.portrait else side)
    top = head.bottom + (board.px(20) if board.portrait else 0)
    middle = Box((board.width - side) // 2, top if board.portrait else board.px(10), side, side)
    if view.rating is not None:
        board.face(view.rating, middle)
        top = max(top, middle.bottom)
    foot = _footer(board, view)
    width = board.width - 2 * board.margin
    saved = Box(board.margin, top + board.px(4), width, board.line(0) * (2 if board.portrait else 1))
    board.text(view.saved, saved, step=0, tone="quiet", align="centre", max_lines=2 if board.portrait else 1)
    question = Box(board.margin, saved.bottom + board.px(4), width, board.line(1) * (2 if board.portrait else 1))
    board.text(view.question, question, step=1, bold=True, align="centre", max_lines=2 if board.portrait else 1)
    gap = board.px(10)
    options(board, view.choices, Box(board.margin, question.bottom + gap, width, foot.y - question.bottom - 2 * gap))


def _footer(board: Board, view: views.FollowUp) -> Box:
    """Accessibility at the left, undo in the middle, skip at the right; stacked where the screen is narrow."""
    height = board.px(64 if not board.large else 76)
    bottom = board.height - board.px(10)
    row = Box(board.margin, bottom - height, board.width - 2 * board.margin, height)
    skip = button_size(board, view.skip, row.w // 3, height)
    spot = Box(row.right - skip, row.y, skip, height)
    button(board, "skip", view.skip, spot, plain=True)
    if view.undo is None:
        frame.larger(board, view.frame, row, words=True)
        return row
    undo = button_size(board, view.undo, row.w, height, icon="undo")
    words = row.w - skip - undo - board.px(220) > 0
    control = frame.larger(board, view.frame, row, words=words or board.portrait)
    if board.portrait:
        above = Box(row.x, row.y - height - board.px(10), row.w, height)
        button(board, "undo", view.undo, above, icon="undo", quiet=True)
        return Box(row.x, above.y, row.w, bottom - above.y)
    left, right = control.right + board.px(24), spot.x - board.px(16)
    undo = min(undo, right - left)
    x = min(max((board.width - undo) // 2, left), right - undo)
    button(board, "undo", view.undo, Box(x, row.y, undo, height), icon="undo", quiet=True)
    return row
