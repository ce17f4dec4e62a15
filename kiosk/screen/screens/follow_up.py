"""A further question: the rating is saved already, and the face that was chosen stays in sight."""

from dataclasses import replace

from kiosk.screen import views
from kiosk.screen.board import Board, snap
from kiosk.screen.drawings import FACE_SIZES, ICON_SIZES
from kiosk.screen.picture import Box
from kiosk.screen.screens import frame
from kiosk.screen.screens.buttons import button, button_size
from kiosk.screen.screens.choices import options


def compose(board: Board, view: views.FollowUp) -> None:
    """Chosen face and thanks on top, the question, its options, and at the bottom undo and skip."""
    if board.large:
        _compose_large(board, view)
        return
    side = snap(FACE_SIZES, board.px(68))
    head = frame.header(board, view.frame, beside=0 if board.portrait else side)
    top = head.bottom + (board.px(20) if board.portrait else 0)
    middle = Box((board.width - side) // 2, top if board.portrait else board.px(10), side, side)
    if view.rating is not None:
        board.face(view.rating, middle)
        top = max(top, middle.bottom)
    foot = _footer(board, view)
    width = board.width - 2 * board.margin
    saved = Box(board.margin, top + board.px(4), width, board.line(0))
    _saved(board, view.saved, saved)
    question = Box(board.margin, saved.bottom + board.px(4), width, board.line(1) * (2 if board.portrait else 1))
    board.text(view.question, question, step=1, bold=True, align="centre", max_lines=2 if board.portrait else 1)
    gap = board.px(10)
    options(board, view.choices, Box(board.margin, question.bottom + gap, width, foot.y - question.bottom - 2 * gap))


def _compose_large(board: Board, view: views.FollowUp) -> None:
    """Text at half as large again leaves no room for lines of their own: the face stands beside the thanks, in landscape in the
    court's place, and skip stands among the options."""
    height = board.px(72)
    foot = Box(board.margin, board.height - height - board.px(8), board.width - 2 * board.margin, height)
    control = frame.larger(board, view.frame, foot, words=False)
    if view.undo is not None:
        start = control.right + board.px(24)
        button(board, "undo", view.undo, Box(start, foot.y, foot.right - start, height), icon="undo", quiet=True)
    if board.portrait:
        head = frame.header(board, view.frame, beside=0)
        band = Box(board.margin, head.bottom + board.px(8), foot.w, board.px(72))
    else:
        head = frame.header(board, replace(view.frame, court=""), beside=0)
        band = Box(board.margin, board.px(8), head.right - board.margin, board.px(64))
    side = snap(FACE_SIZES, band.h) if view.rating is not None else 0
    if view.rating is not None:
        board.face(view.rating, Box(band.x, band.y, side, band.h))
    left = band.x + side + (board.px(14) if side else 0)
    board.text(view.saved, Box(left, band.y, band.right - left, band.h), step=-0.5, bold=True, max_lines=2)
    lines = 2 if board.portrait else 1
    question = Box(board.margin, band.bottom + board.px(8), foot.w, lines * board.line(0.5))
    board.text(view.question, question, step=0.5, bold=True, align="centre", max_lines=lines)
    gap = board.px(8)
    skip = views.Choice("skip", view.skip, None, None)
    options(board, (*view.choices, skip), Box(board.margin, question.bottom + gap, foot.w, foot.y - question.bottom - 2 * gap))


def _saved(board: Board, words: str, room: Box) -> None:
    """The thanks with a tick before it, as one group in the middle."""
    side = snap(ICON_SIZES, board.px(28))
    lead = side + board.px(10)
    found = board.setting(words, width=room.w - lead, height=room.h, step=0, max_lines=1)
    start = room.x + (room.w - lead - found.width) // 2
    board.icon("tick", Box(start, room.y, side, room.h), "accent")
    label = Box(start + lead, room.y, found.width, room.h)
    board.text(words, label, size=found.size, tone="quiet")


def _footer(board: Board, view: views.FollowUp) -> Box:
    """Accessibility at the left, undo in the middle, skip at the right; stacked where the screen is narrow."""
    height = board.px(64)
    bottom = board.height - board.px(10)
    row = Box(board.margin, bottom - height, board.width - 2 * board.margin, height)
    skip = button_size(board, view.skip, row.w * (5 if board.portrait else 3) // 9, height)
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
