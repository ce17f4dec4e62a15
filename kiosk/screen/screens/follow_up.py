"""A further question: the rating is saved already, and the face that was chosen stays in sight."""

from kiosk.screen import views
from kiosk.screen.board import Board, snap
from kiosk.screen.drawings import FACE_SIZES, ICON_SIZES
from kiosk.screen.picture import Box
from kiosk.screen.screens import choices, frame
from kiosk.screen.screens.buttons import Button, in_row

QUESTION: float = 0.0


def compose(board: Board, view: views.FollowUp) -> None:
    """Chosen face and thanks on top, the question, its options, and beneath them the ways past it and back."""
    bar = frame.bar(board, view.frame)
    width = board.width - 2 * board.margin
    actions = Box(
        board.px(8), bar.y - board.target - board.px(0 if board.large else 6), board.width - 2 * board.px(8), board.target
    )
    in_row(board, _actions(view), actions)
    band = _band(board, view)
    points = [choice for choice in view.choices if not choice.aside]
    least = choices.least_height(board, points)
    lines = 4 if board.portrait else 2
    free = actions.y - band.bottom - least
    found = board.setting(view.question, width=width, height=free, step=QUESTION, bold=True, max_lines=lines)
    air = min(board.px(10), max(0, (free - found.height) // 3))
    top = max(band.bottom + found.height + 2 * air, board.ceiling)
    question = Box(board.margin, band.bottom + air, width, max(found.height, top - band.bottom - 2 * air))
    board.text(view.question, question, size=found.size, bold=True, align="centre", max_lines=lines)
    choices.options(board, points, Box(actions.x, top, actions.w, actions.y - top))


def _actions(view: views.FollowUp) -> list[Button]:
    """Options beside the scale, skip, undo: in reading order, which is also the order of the keys."""
    asides = [Button(choice.key, choice.words) for choice in view.choices if choice.aside]
    undo = [Button("undo", view.undo, "undo", quiet=True)] if view.undo is not None else []
    return [*asides, Button("skip", view.skip), *undo]


def _band(board: Board, view: views.FollowUp) -> Box:
    """The face that was chosen and beside it that it is saved; or whether anybody is still there."""
    aid, leaving = view.frame.aid, view.frame.leaving
    height = board.px(64)
    top = board.px(8 if board.large else 14)
    voiceless = aid.voiceless if aid is not None else None
    width = board.width - 2 * board.margin
    side = snap(FACE_SIZES, height) if view.rating is not None else 0
    lead = side + board.px(14) if side else 0
    if leaving is not None:
        height = max(height, frame.still_there_height(board))
        board_left = Box(board.margin, top, width, height)
        if view.rating is not None:
            board.face(view.rating, Box(board_left.x, top, side, height))
        frame.still_there(board, leaving, Box(board_left.x + lead, top, width - lead, height))
        return Box(0, 0, board.width, top + height)
    tick = snap(ICON_SIZES, board.px(28))
    before = lead + tick + board.px(8)
    lines = 2 if board.portrait and (voiceless is None or not board.large) else 1
    below = board.line(-2) if voiceless is not None else 0
    height = max(height, lines * board.line(-1) + below)
    found = board.setting(view.saved, width=width - before, height=height - below, step=-1, bold=True, max_lines=lines)
    start = board.margin + max(0, (width - before - found.width) // 2)
    if view.rating is not None:
        board.face(view.rating, Box(start, top, side, height))
    row = Box(start + lead, top, width, height - below)
    board.icon("tick", Box(row.x, row.y, tick, row.h), "accent")
    board.text(
        view.saved,
        Box(start + before, row.y, board.margin + width - start - before, row.h),
        size=found.size,
        bold=True,
        tone="quiet",
        max_lines=lines,
    )
    if voiceless is not None:
        frame.note(board, voiceless, Box(start + lead, row.bottom, board.margin + width - start - lead, below))
    return Box(0, 0, board.width, top + height)
