"""The first question: what a visitor sees on walking up."""

from typing import Final

from kiosk.screen import views
from kiosk.screen.board import SMALL, Board
from kiosk.screen.picture import Box
from kiosk.screen.screens import buttons, choices, frame

SHARE: Final = 0.44
"""Of the height, for the options in landscape."""
SHARE_UPRIGHT: Final = 0.62
"""The same in portrait, and where large words need it."""


def compose(board: Board, view: views.Welcome) -> None:
    """One question over the upper third, the options across the whole width, and nothing else but the quiet lines around."""
    head = frame.header(board, view.frame, asks=True, notice=view.taken_back, noticed=view.is_taken_back)
    bar = frame.bar(board, view.frame)
    points = [choice for choice in view.choices if not choice.aside]
    foot = _foot(board, view, Box(board.margin, head.bottom, board.width - 2 * board.margin, bar.y - head.bottom), points)
    body = Box(board.margin, head.bottom, foot.w, foot.y - head.bottom)
    lines = 3 if board.portrait else 2
    least = choices.least_height(board, points)
    room = body.h - max(least, 0)
    found = board.setting(view.question, width=body.w, height=room, step=_step(board), bold=True, max_lines=lines)
    wished = max(least, round(board.height * (SHARE_UPRIGHT if board.portrait or board.large else SHARE)))
    top = max(body.bottom - wished, body.y + found.height + board.px(4), board.ceiling)
    top = min(top, max(body.bottom - least, board.ceiling), body.bottom - board.target)  # whatever else: the options can be hit
    question = Box(body.x, body.y, body.w, top - body.y)
    board.text(view.question, question, size=found.size, bold=True, align="centre", max_lines=lines)
    side = board.px(8)
    choices.options(board, points, Box(side, top, board.width - 2 * side, body.bottom - top))


def _step(board: Board) -> float:
    return 0.75 if board.portrait else 1.5


def _foot(board: Board, view: views.Welcome, room: Box, points: list[views.Choice]) -> Box:
    """Above the bar: the privacy line, and options beside the scale if the question has any."""
    bottom = room.bottom
    if not board.large or _has_room_for_privacy(board, view, room, points):
        lines = 1 if board.measure(view.privacy, board.least, False) <= room.w else 2
        height = lines * board.line(SMALL)
        spot = Box(room.x, bottom - height - board.px(4), room.w, height)
        board.text(view.privacy, spot, size=board.least, tone="quiet", align="centre", max_lines=2)
        bottom = spot.y - board.px(4)
    asides = [buttons.Button(choice.key, choice.words, quiet=True) for choice in view.choices if choice.aside]
    if asides:
        bottom = buttons.stack(board, asides, Box(room.x, room.y, room.w, bottom - room.y)).y
    return Box(room.x, bottom, room.w, room.bottom - bottom)


def _has_room_for_privacy(board: Board, view: views.Welcome, room: Box, points: list[views.Choice]) -> bool:
    """In the accessible mode the question and its options come first."""
    lines = 3 if board.portrait else 2
    question = board.setting(view.question, width=room.w, height=room.h, step=_step(board), bold=True, max_lines=lines)
    needed = question.height + choices.least_height(board, points) + 2 * board.line(SMALL) + board.px(24)
    return needed <= room.h
