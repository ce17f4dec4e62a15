"""The thank-you, shown only when the answer is on the card."""

from typing import Final

from kiosk.screen import views
from kiosk.screen.board import SMALL, Board, snap
from kiosk.screen.drawings import FACE_SIZES
from kiosk.screen.picture import Align, Box, Qr
from kiosk.screen.screens import frame
from kiosk.screen.screens.buttons import Button, stack, width

SAVED: Final = 0.5
HAPPENS: Final = -1.0
MOST_LINES: Final = 5


def compose(board: Board, view: views.Thanks) -> None:
    """What was chosen, that it is saved, what happens with it; beside it the way to say more; beneath it the way back."""
    voiceless = view.frame.aid.on and view.frame.aid.voiceless is not None
    head = frame.header(board, view.frame) if not board.large or voiceless else Box(0, 0, board.width, board.px(8))
    bar = frame.bar(board, view.frame)
    actions = _actions(board, view, bar)
    body = Box(board.margin, head.bottom + board.px(4), board.width - 2 * board.margin, actions.y - head.bottom - board.px(12))
    if view.qr is None:
        _words(board, view, body, centred=True)
    elif board.portrait:
        share = body.h * (38 if board.large else 45) // 100
        code = Box(body.x, body.bottom - share, body.w, share)
        _words(board, view, Box(body.x, body.y, body.w, code.y - body.y - board.px(8)), centred=True)
        _code(board, view.qr, view.qr_opens, code)
    else:
        code_w = min(round(body.w * (0.4 if board.large else 0.33)), body.h)
        code = Box(body.right - code_w, body.y, code_w, body.h)
        _words(board, view, Box(body.x, body.y, code.x - body.x - board.px(24), body.h), centred=False)
        _code(board, view.qr, view.qr_opens, code)
    if not board.large:
        board.touchable("done", Box(0, 0, board.width, board.height))


def _actions(board: Board, view: views.Thanks, bar: Box) -> Box:
    """Undo, as wide as half the screen; in the accessible mode the way on beside it. The row stays when undo has run out."""
    side = board.px(4) if board.large else board.margin - board.px(4)
    undo = [] if view.undo is None else [Button("undo", view.undo, "undo", quiet=True, drain=(view.since, view.until))]
    buttons = [*undo, Button("done", view.done, "tick")] if board.large else undo
    row = Box(side, 0, board.width - 2 * side, bar.y - board.px(0 if board.large else 6))
    wide = row.w
    if undo and not board.large and not board.portrait:
        wide = min(row.w, max(row.w * 6 // 10, width(board, undo[0], lines=1)))
    taken = stack(board, buttons, Box(row.x + (row.w - wide) // 2, 0, wide, row.h))
    height = max(taken.h, board.target)
    return Box(row.x, row.bottom - height, row.w, height)


def _words(board: Board, view: views.Thanks, room: Box, *, centred: bool) -> None:
    """Face, thanks and the sentence, as one block in the middle of `room`; large words come before the face."""
    align: Align = "centre" if centred else "left"
    gap = board.px(12)
    most = (4 if board.large else 3, 7 if board.large else 5)

    def settings(left: int) -> tuple[int, int, int, int]:
        saved = board.setting(view.saved, width=room.w, height=left * 60 // 100, step=SAVED, bold=True, max_lines=most[0])
        happens = board.setting(view.what_happens, width=room.w, height=left - saved.height, step=HAPPENS, max_lines=most[1])
        return saved.size, saved.height, happens.size, happens.height

    bare = settings(room.h - gap)
    side = snap(FACE_SIZES, min(board.px(112), room.h // 3)) if view.rating is not None else 0
    sizes = settings(room.h - side - 2 * gap) if side else bare
    if sizes[0] < bare[0] or sizes[2] < bare[2]:
        side, sizes = 0, bare
    saved_size, saved_h, happens_size, happens_h = sizes
    lead = side + gap if side else 0
    top = room.y + max(0, (room.h - lead - saved_h - gap - happens_h) // 2)
    if view.rating is not None and side:
        board.face(view.rating, Box(room.x + ((room.w - side) // 2 if centred else 0), top, side, side))
    saved = Box(room.x, top + lead, room.w, saved_h)
    board.text(view.saved, saved, size=saved_size, bold=True, align=align, max_lines=most[0])
    happens = Box(room.x, saved.bottom + gap, room.w, happens_h)
    board.text(view.what_happens, happens, size=happens_size, tone="quiet", align=align, max_lines=most[1])


def _code(board: Board, modules: views.Modules, opens: str, room: Box) -> None:
    """The QR code on white, with what it opens beneath it, or beside it where large words are in portrait."""
    if board.large and board.portrait:
        _code_beside(board, modules, opens, room)
        return
    words = board.setting(opens, width=room.w, height=room.h * 6 // 10, step=SMALL, bold=True, max_lines=MOST_LINES)
    gap = board.px(8)
    module = max(1, min(room.w, room.h - words.height - gap) // len(modules))
    side = module * len(modules)
    top = room.y + max(0, (room.h - side - gap - words.height) // 2)
    box = Box(room.x + (room.w - side) // 2, top, side, side)
    board.add(Qr(box, modules))
    below = Box(room.x, box.bottom + gap, room.w, words.height)
    board.text(opens, below, size=words.size, bold=True, align="centre", valign="top", max_lines=MOST_LINES)


def _code_beside(board: Board, modules: views.Modules, opens: str, room: Box) -> None:
    module = max(1, min(room.w * 2 // 5, room.h) // len(modules))
    side = module * len(modules)
    box = Box(room.x, room.y + (room.h - side) // 2, side, side)
    board.add(Qr(box, modules))
    beside = Box(box.right + board.px(12), room.y, room.right - box.right - board.px(12), room.h)
    board.text(opens, beside, step=SMALL, bold=True, max_lines=6)
