"""A further question: the rating is saved already, and the face that was chosen stays in sight."""

from typing import Final

from kiosk.screen import views
from kiosk.screen.board import Board, snap
from kiosk.screen.drawings import FACE_SIZES, ICON_SIZES
from kiosk.screen.picture import Box
from kiosk.screen.screens import choices, faces, frame
from kiosk.screen.screens.buttons import Button, stack

QUESTION: Final = 0.0
SAVED: Final = -1.0
LEAST_LINE: Final = 16
"""Height that a question keeps in any case."""
LARGE_ENOUGH: Final = 0.8
"""A question gives up so much of its size at most, so that the faces below need not be smaller still."""
LARGEST_FACE: Final = 128
"""Those of the first question are the largest."""


def compose(board: Board, view: views.FollowUp) -> None:
    """Chosen face and thanks on top, the question, its options, and beneath them the ways past it and back."""
    bar = frame.bar(board, view.frame)
    width = board.width - 2 * board.margin
    band = _band(board, view)
    points = [choice for choice in view.choices if not choice.aside]
    among = not choices.are_faces(points) and len(points) % 2 == 1
    if among:  # skip makes the tiles a full block, as plain as the rest
        points.append(views.Choice("skip", view.skip, "skip" if points[0].icon else None, None))
    margin = board.px(4) if board.large else board.margin - board.px(4)
    above = Box(margin, 0, board.width - 2 * margin, bar.y - board.px(0 if board.large else 6))
    actions = stack(board, _actions(view, skip=not among), above)
    lines = 4 if board.portrait else 2
    tried = []
    for face in faces.SMALLEST:
        free = actions.y - band.bottom - choices.least_height(board, points, face=face)
        tried.append((free, board.setting(view.question, width=width, height=free, step=QUESTION, bold=True, max_lines=lines)))
    free, found = next((pair for pair in tried if pair[1].size >= board.type(QUESTION) * LARGE_ENOUGH), tried[-1])
    air = min(board.px(6 if board.portrait else 10), max(0, (free - found.height) // 3))
    top = max(band.bottom + found.height + 2 * air, board.ceiling)
    top = min(top, actions.y - board.target)  # on a panel that holds too little, the options come first
    question = Box(board.margin, band.bottom + air, width, max(top - band.bottom - 2 * air, board.px(LEAST_LINE)))
    board.text(view.question, question, size=found.size, bold=True, align="centre", max_lines=lines)
    choices.options(board, points, Box(actions.x, top, actions.w, actions.y - top), most=board.px(LARGEST_FACE))


def _actions(view: views.FollowUp, *, skip: bool) -> list[Button]:
    """Options beside the scale, skip, undo: in reading order, which is also the order of the keys."""
    asides = [Button(choice.key, choice.words) for choice in view.choices if choice.aside]
    undo = [Button("undo", view.undo, "undo", quiet=True)] if view.undo is not None else []
    return [*asides, *([Button("skip", view.skip)] if skip else []), *undo]


def _band(board: Board, view: views.FollowUp) -> Box:
    """The face that was chosen and beside it that it is saved; or whether anybody is still there."""
    aid = view.frame.aid
    height = board.px(48 if board.large and not board.portrait else 64)
    top = board.px(6 if board.large else 14)
    voiceless = aid.voiceless if aid.on else None
    width = board.width - 2 * board.margin
    side = snap(FACE_SIZES, height) if view.rating is not None else 0
    lead = side + board.px(14) if side else 0
    lines = 2 if board.portrait else 1
    below = frame.note_height(board, voiceless, width - lead) if voiceless is not None else 0
    asking = frame.still_there_height(board, view.frame, width - lead)
    height = max(height, lines * board.line(SAVED, bold=True) + below, asking)
    if view.frame.leaving is not None:
        if view.rating is not None:
            board.face(view.rating, Box(board.margin, top, side, height))
        frame.still_there(board, view.frame, Box(board.margin + lead, top, width - lead, height))
        return Box(0, 0, board.width, top + height)
    tick = snap(ICON_SIZES, board.px(28))
    before = tick + board.px(8)
    found = board.setting(view.saved, width=width - lead - before, height=height - below, step=SAVED, bold=True, max_lines=lines)
    if found.size < board.type(SAVED) and board.large:  # large words come before the tick
        tick = before = 0
        found = board.setting(view.saved, width=width - lead, height=height - below, step=SAVED, bold=True, max_lines=lines)
    start = board.margin + max(0, (width - lead - before - found.width) // 2) if voiceless is None else board.margin
    if view.rating is not None:
        board.face(view.rating, Box(start, top, side, height))
    row = Box(start + lead, top, board.margin + width - start - lead, height - below)
    if tick:
        board.icon("tick", Box(row.x, row.y, tick, row.h), "accent")
    words = Box(row.x + before, row.y, row.w - before, row.h)
    board.text(view.saved, words, size=found.size, bold=True, tone="quiet", max_lines=lines)
    if voiceless is not None:
        frame.note(board, voiceless, Box(row.x, row.bottom, row.w, below))
    return Box(0, 0, board.width, top + height)
