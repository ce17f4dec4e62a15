"""Tiles to tap: an icon and words, or words alone, laid out so that all words are set alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from kiosk.screen import views
from kiosk.screen.board import SMALL, Board, snap
from kiosk.screen.drawings import ICON_SIZES
from kiosk.screen.picture import Box

Style = Literal["above", "beside", "bare"]
"""Where a tile's icon stands; `bare` is without one, where large words leave it no room."""
WORDS: Final = 0.0
"""Step of the type scale of the words, where they have room."""
MOST_LINES: Final = 3
BESIDE: Final = 8
"""What an icon beside words keeps from the edge more than words do."""
NARROWEST: Final = 150
"""Width of a tile with the icon above; narrower ones look like a fence."""


def least_height(board: Board, choices: Sequence[views.Choice]) -> int:
    """The room in px that `put` needs at least."""
    return min(rows * board.target for rows in (2, len(choices)))


@dataclass(frozen=True, slots=True)
class _Plan:
    """A way to lay tiles out: how many columns, where the icon stands, its size, the text size at which all words fit, and the
    height of the tallest words at that size."""

    columns: int
    style: Style
    icon: int
    size: int
    words_h: int


def put(board: Board, choices: Sequence[views.Choice], room: Box) -> None:
    """Tiles in the finest layout in which every word has its size."""
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
    rooms = list(_rooms(board, choices, room))
    for columns, style, icon, inner in rooms:
        if board.all_fit((choice.words for choice in choices), inner, bold=True, max_lines=MOST_LINES):
            return _planned(board, choices, columns, style, icon, inner)
    plans = [_planned(board, choices, *each) for each in rooms]
    return max(plans, key=lambda plan: plan.size, default=_Plan(_squarest(len(choices), room), "bare", 0, board.least, 0))


def _squarest(count: int, room: Box) -> int:
    """How many columns leave the largest least side, where tiles cannot be as large as they should."""
    return max(range(1, count + 1), key=lambda columns: min(room.w // columns, room.h // -(-count // columns)))


def _rooms(board: Board, choices: Sequence[views.Choice], room: Box) -> Iterator[tuple[int, Style, int, Box]]:
    """Layouts to try, the finest first, with the side of their icons and the room for the words of each tile."""
    for columns, style in _layouts(board, choices):
        rows = -(-len(choices) // columns)
        cell = Box(0, 0, room.w // columns, room.h // rows)
        if min(cell.w, cell.h) < board.target and len(choices) > 1:
            continue
        icon, words = _tile_room(board, cell, style)
        if (style == "bare" or icon >= board.px(28)) and (style != "above" or cell.w >= board.px(NARROWEST)):
            yield columns, style, icon, words


def _planned(board: Board, choices: Sequence[views.Choice], columns: int, style: Style, icon: int, inner: Box) -> _Plan:
    texts = (choice.words for choice in choices)
    size = board.common_size(texts, width=inner.w, height=inner.h, step=WORDS, bold=True, max_lines=MOST_LINES)
    return _Plan(columns, style, icon, size, _tallest(board, choices, inner))


def _tallest(board: Board, choices: Sequence[views.Choice], room: Box) -> int:
    return max(
        board.setting(choice.words, width=room.w, height=room.h, step=WORDS, bold=True, max_lines=MOST_LINES).height
        for choice in choices
    )


def _layouts(board: Board, choices: Sequence[views.Choice]) -> list[tuple[int, Style]]:
    """Layouts to try, the finest first."""
    every = len(choices)
    columns = sorted({every, -(-every // 2), 3, 2, 1} & set(range(1, every + 1)), reverse=not board.portrait)
    styles: tuple[Style, ...] = ("bare",)
    if all(choice.icon for choice in choices):
        styles = ("beside", "above", "bare") if board.portrait else ("above", "beside", "bare")
    return [(count, style) for style in styles for count in columns]


def _tile_room(board: Board, cell: Box, style: Style) -> tuple[int, Box]:
    """The icon's size and the room of the words within a tile. Icons stand a little further from the edge than words have to."""
    tight = board.large and style == "beside"
    inner = cell.inset(board.px(4) + board.px(4 if tight else 8), board.px(4) + board.px(1))
    if style == "above":
        lines = (2 if board.large else MOST_LINES) * board.line(SMALL, bold=True)
        spare = inner.h - lines - board.px(14)
        icon = snap(ICON_SIZES, min(cell.w * 0.4, spare, board.px(64)))
        return icon if icon <= spare else 0, Box(inner.x, inner.bottom - lines, inner.w, lines)
    if style == "bare":
        return 0, inner
    icon = snap(ICON_SIZES, min(inner.h, board.px(48), cell.w * 0.22))
    lead = board.px(BESIDE) + icon + board.px(12)
    return icon, Box(inner.x + lead, inner.y, inner.w - lead, inner.h)


def _tile(board: Board, choice: views.Choice, cell: Box, plan: _Plan) -> None:
    board.panel(cell.inset(board.px(4), board.px(4)), shadow=True, control=choice.key)
    _, words = _tile_room(board, cell, plan.style)
    if plan.style == "above":
        gap = board.px(12)
        top = cell.y + (cell.h - plan.icon - gap - plan.words_h) // 2
        icon = Box(cell.x, top, cell.w, plan.icon)
        words = Box(words.x, top + plan.icon + gap, words.w, plan.words_h)
    else:
        icon = Box(words.x - board.px(12) - plan.icon, cell.y, plan.icon, cell.h)
    if choice.icon and plan.icon:
        board.icon(choice.icon, icon, "accent", choice.key)
    board.text(
        choice.words,
        words,
        size=plan.size,
        bold=True,
        align="left" if plan.style == "beside" else "centre",
        valign="top" if plan.style == "above" else "middle",
        max_lines=MOST_LINES,
        control=choice.key,
    )
    board.touchable(choice.key, cell)
