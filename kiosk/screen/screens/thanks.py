"""The thank-you, shown only when the answer is on the card."""

from kiosk.screen import views
from kiosk.screen.board import Board, snap
from kiosk.screen.drawings import FACE_SIZES
from kiosk.screen.picture import Align, Box, Qr
from kiosk.screen.screens import frame
from kiosk.screen.screens.buttons import button, button_size


def compose(board: Board, view: views.Thanks) -> None:
    """What was chosen, that it is saved, what happens with it; beside it the way to say more; beneath it the way back."""
    head = frame.header(board, view.frame, beside=0)
    foot = _footer(board, view)
    body = Box(board.margin, head.bottom, board.width - 2 * board.margin, foot.y - head.bottom - board.px(16))
    if view.qr is None:
        _words(board, view, body, centred=True)
    elif board.portrait:
        code = Box(body.x, body.y + body.h * 58 // 100, body.w, body.h * 42 // 100)
        _words(board, view, Box(body.x, body.y, body.w, code.y - body.y), centred=True)
        _code(board, view.qr, view.qr_opens, code)
    else:
        code_w = min(round(body.w * 0.36), body.h)
        code = Box(body.right - code_w, body.y, code_w, body.h)
        _words(board, view, Box(body.x, body.y, code.x - body.x - board.px(32), body.h), centred=False)
        _code(board, view.qr, view.qr_opens, code)
    board.touchable("done", Box(0, 0, board.width, board.height))


def _words(board: Board, view: views.Thanks, room: Box, *, centred: bool) -> None:
    """Face, thanks and the sentence, as one block in the middle of `room`."""
    align: Align = "centre" if centred else "left"
    with_face = view.rating is not None and not (board.large and not board.portrait)  # there large words need its room
    side = snap(FACE_SIZES, min(board.px(96 if board.large else 112), room.h // 3)) if with_face else 0
    gap = board.px(14)
    left = room.h - side - 2 * gap
    saved = board.setting(view.saved, width=room.w, height=left * (50 if with_face else 55) // 100, step=2, bold=True, max_lines=3)
    happens = board.setting(view.what_happens, width=room.w, height=left - saved.height, step=0, max_lines=5)
    top = room.y + max(0, (room.h - side - saved.height - happens.height - 2 * gap) // 2)
    if view.rating is not None and with_face:
        x = room.x + (room.w - side) // 2 if centred else room.x
        board.face(view.rating, Box(x, top, side, side))
    board.text(
        view.saved,
        Box(room.x, top + side + gap, room.w, saved.height),
        size=saved.size,
        bold=True,
        align=align,
        max_lines=3,
    )
    happens_room = Box(room.x, top + side + saved.height + 2 * gap, room.w, happens.height)
    board.text(view.what_happens, happens_room, size=happens.size, tone="quiet", align=align, max_lines=5)


def _code(board: Board, modules: views.Modules, opens: str, room: Box) -> None:
    """The QR code on white, with the sentence that says what it opens."""
    words = board.setting(opens, width=room.w, height=room.h // 3, step=-1, bold=True, max_lines=4)
    gap = board.px(8)
    module = max(1, min(room.w, room.h - words.height - gap) // len(modules))
    side = module * len(modules)
    top = room.y + max(0, (room.h - side - gap - words.height) // 2)
    box = Box(room.x + (room.w - side) // 2, top, side, side)
    board.add(Qr(box, modules))
    board.text(
        opens,
        Box(room.x, box.bottom + gap, room.w, words.height),
        size=words.size,
        bold=True,
        align="centre",
        valign="top",
        max_lines=4,
    )


def _footer(board: Board, view: views.Thanks) -> Box:
    height = board.px(72 if not board.large else 96 if board.portrait else 84)
    row = Box(board.margin, board.height - height - board.px(12), board.width - 2 * board.margin, height)
    if board.portrait:
        below = Box(row.x, row.bottom - board.px(frame.TOUCH), row.w, board.px(frame.TOUCH))
        frame.larger(board, view.frame, below, words=True)
        row = Box(row.x, below.y - height - board.px(8), row.w, height)
        left = row.x
    else:
        # In the languages whose words are long the control keeps its sign and gives the width to undo.
        left = frame.larger(board, view.frame, row, words=not board.large).right + board.px(24)
    if view.undo is not None:
        wide = max(button_size(board, view.undo, row.w, height, icon="undo"), board.width // 2)
        width = min(wide, row.right - left)
        x = left if board.portrait else min(max((board.width - width) // 2, left), row.right - width)
        spot = Box(x, row.y, row.w if board.portrait else width, height)
        button(board, "undo", view.undo, spot, icon="undo", quiet=True, drain=(view.since, view.deadline))
    return row
