"""Options to tap: faces across the whole width, or tiles with an icon and words. Cells fill their room, so that a finger between
two of them hits the nearer one; what is seen leaves a gap."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from kiosk.screen import views
from kiosk.screen.board import Board, snap
from kiosk.screen.drawings import FACE_SIZES, ICON_SIZES
from kiosk.screen.picture import Box

Style = Literal["above", "beside", "bare"]
"""Where a tile's icon stands; `bare` is without one, where large words leave it no room."""
LABEL: Final = -1.0
"""Step of the type scale of every option's words."""
MOST_LINES: Final = 3


def options(board: Board, choices: Sequence[views.Choice], room: Box) -> None:
    """Faces where every option is one, tiles otherwise. Not for options beside the scale."""
    if all(choice.point for choice in choices):
        _faces(board, choices, room)
    else:
        _tiles(board, choices, room)


def least_height(board: Board, choices: Sequence[views.Choice]) -> int:
    """The room in px that `options` need at least, at the whole width."""
    if all(choice.point for choice in choices):
        if not board.portrait:
            return max(board.target, board.px(64) + 2 * board.line(LABEL) + board.px(10))
        rows = len(choices) if not board.large else -(-len(choices) // 2)
        return rows * board.target
    return min(rows * board.target for rows in (2, len(choices)))


# --- faces -------------------------------------------------------------------------------------------------------------------


def _faces(board: Board, choices: Sequence[views.Choice], room: Box) -> None:
    if not board.portrait:
        _faces_in_row(board, choices, room)
    elif room.h >= len(choices) * board.target:
        _faces_in_column(board, tuple(reversed(choices)) if not board.large else choices, room, columns=1)
    else:
        _faces_in_column(board, choices, room, columns=2)


def _faces_in_row(board: Board, choices: Sequence[views.Choice], room: Box) -> None:
    """Worst at the left, best at the right, its word beneath each."""
    cell = room.w // len(choices)
    gap, words_w = board.px(8), cell - board.px(8)
    two = 2 * board.line(LABEL)
    words = [choice.words for choice in choices]
    size = board.common_size(words, width=words_w, height=two, step=LABEL, bold=True, max_lines=2)
    words_h = max(board.setting(each, width=words_w, height=two, step=LABEL, bold=True, max_lines=2).height for each in words)
    side = snap(FACE_SIZES, min(cell - board.px(10), room.h - gap - words_h - board.px(8)))
    top = room.y + max(0, (room.h - side - gap - words_h) // 2)
    for place, choice in enumerate(choices):
        box = Box(room.x + place * cell, room.y, cell, room.h)
        board.face(choice.point or 1, Box(box.x, top, cell, side), choice.key)
        label = Box(box.x + (cell - words_w) // 2, top + side + gap, words_w, words_h)
        board.text(choice.words, label, size=size, bold=True, align="centre", valign="top", max_lines=2, control=choice.key)
        board.touchable(choice.key, box)


def _faces_in_column(board: Board, choices: Sequence[views.Choice], room: Box, *, columns: int) -> None:
    """Its word beside each, in one line of sight."""
    rows = -(-len(choices) // columns)
    row, cell = room.h // rows, room.w // columns
    step = LABEL if columns > 1 else 0.0
    pad, gap = board.px(8), board.px(10 if columns > 1 else 24)
    side = snap(FACE_SIZES, min(row - board.px(10), cell // 3))
    words_w = cell - side - gap - 2 * pad
    words = [choice.words for choice in choices]
    size = board.common_size(words, width=words_w, height=row, step=step, bold=True, max_lines=2)
    widest = max(board.setting(each, width=words_w, height=row, step=step, bold=True, max_lines=2).width for each in words)
    left = max(pad, (cell - side - gap - widest) // 2)
    for place, choice in enumerate(choices):
        down, across = divmod(place, columns)
        box = Box(room.x + across * cell, room.y + down * row, cell, row)
        board.face(choice.point or 1, Box(box.x + left, box.y, side, row), choice.key)
        label = Box(box.x + left + side + gap, box.y, box.right - pad - (box.x + left + side + gap), row)
        board.text(choice.words, label, size=size, bold=True, max_lines=2, control=choice.key)
        board.touchable(choice.key, box)


# --- tiles -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Plan:
    """A way to lay tiles out: how many columns, where the icon stands, its size, and the text size at which all words fit."""

    columns: int
    style: Style
    icon: int
    size: int


def _tiles(board: Board, choices: Sequence[views.Choice], room: Box) -> None:
    plan = _plan(board, choices, room)
    rows = -(-len(choices) // plan.columns)
    cell_w = room.w // plan.columns
    cell_h = min(room.h // rows, board.px(200 if plan.style == "above" else 116) * (1.3 if board.large else 1))
    cell_h = max(int(cell_h), min(board.target, room.h // rows))
    top = room.y + (room.h - rows * cell_h) // 2
    for place, choice in enumerate(choices):
        down, across = divmod(place, plan.columns)
        in_row = min(plan.columns, len(choices) - down * plan.columns)
        start = room.x + (room.w - in_row * cell_w) // 2
        _tile(board, choice, Box(start + across * cell_w, top + down * cell_h, cell_w, cell_h), plan)


def _plan(board: Board, choices: Sequence[views.Choice], room: Box) -> _Plan:
    """The first layout in which every word has its full size, else the one with the largest words."""
    best: _Plan | None = None
    for columns, style in _layouts(board, choices):
        rows = -(-len(choices) // columns)
        cell = Box(0, 0, room.w // columns, room.h // rows)
        if min(cell.w, cell.h) < board.target and len(choices) > 1:
            continue
        icon, words = _tile_room(board, cell, style)
        if style != "bare" and icon < board.px(28):
            continue
        size = board.common_size(
            (choice.words for choice in choices), width=words.w, height=words.h, step=LABEL, bold=True, max_lines=MOST_LINES
        )
        plan = _Plan(columns, style, icon, size)
        if size >= board.type(LABEL):
            return plan
        if best is None or size > best.size:
            best = plan
    return best or _Plan(-(-len(choices) // 2), "bare", 0, board.least)


def _layouts(board: Board, choices: Sequence[views.Choice]) -> list[tuple[int, Style]]:
    """Layouts to try, the finest first."""
    every = len(choices)
    columns = sorted({every, -(-every // 2), 3, 2, 1} & set(range(1, every + 1)), reverse=not board.portrait)
    styles: tuple[Style, ...] = ("above", "beside", "bare") if all(choice.icon for choice in choices) else ("bare",)
    found: list[tuple[int, Style]] = []
    for style in styles:
        for count in columns:
            if style == "above" and board.portrait and count == 1:
                continue
            found.append((count, style))
    if board.portrait and "beside" in styles:
        found.insert(0, (1, "beside"))
    return found


def _tile_room(board: Board, cell: Box, style: Style) -> tuple[int, Box]:
    """The icon's size and the room of the words within a tile."""
    inner = cell.inset(board.px(4) + board.px(8), board.px(4) + board.px(3))
    if style == "above":
        lines = MOST_LINES * board.line(LABEL) if not board.large else 2 * board.line(LABEL)
        icon = snap(ICON_SIZES, min(cell.w * 0.4, inner.h - lines - board.px(14), board.px(64)))
        icon = icon if inner.h - lines - board.px(14) >= icon else 0
        return icon, Box(inner.x, inner.bottom - lines, inner.w, lines)
    icon = snap(ICON_SIZES, min(inner.h, board.px(48), cell.w * 0.22)) if style == "beside" else 0
    lead = icon + board.px(12) if icon else 0
    return icon, Box(inner.x + lead, inner.y, inner.w - lead, inner.h)


def _tile(board: Board, choice: views.Choice, cell: Box, plan: _Plan) -> None:
    board.panel(cell.inset(board.px(4), board.px(4)), shadow=True, control=choice.key)
    icon, words = _tile_room(board, cell, plan.style)
    above = plan.style == "above"
    if above:
        found = board.setting(choice.words, width=words.w, height=words.h, step=LABEL, bold=True, max_lines=MOST_LINES)
        gap = board.px(12)
        top = cell.y + (cell.h - plan.icon - gap - words.h) // 2
        if choice.icon:
            board.icon(choice.icon, Box(cell.x, top, cell.w, plan.icon), "accent", choice.key)
        words = Box(words.x, top + plan.icon + gap, words.w, max(words.h, found.height))
    elif choice.icon and icon:
        inner = cell.inset(board.px(4) + board.px(12), 0)
        board.icon(choice.icon, Box(inner.x, cell.y, icon, cell.h), "accent", choice.key)
        words = Box(words.x + board.px(4), words.y, words.w - board.px(4), words.h)
    board.text(
        choice.words,
        words,
        size=plan.size,
        bold=True,
        align="left" if plan.style == "beside" else "centre",
        valign="top" if above else "middle",
        max_lines=MOST_LINES,
        control=choice.key,
    )
    board.touchable(choice.key, cell)
