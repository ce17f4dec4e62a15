"""Tiles to tap: an icon and words, or words alone, laid out so that all words are set alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from kiosk.screen import typeset, views
from kiosk.screen.board import SMALL, Board, snap
from kiosk.screen.drawings import ICON_SIZES
from kiosk.screen.picture import Box

Style = Literal["above", "beside", "bare"]
"""Where a tile's icon stands; `bare` is for options of which not every one has an icon."""
WORDS: Final = 0.0
"""Step of the type scale of the words, where they have room."""
MOST_LINES: Final = 3
ABOVE: Final = 64
LEAST_ABOVE: Final = 36
"""Side of an icon above words at most and at least; a smaller one stands better beside them."""
BESIDE: Final = (48, 36, 32, 29, 26)
"""Sides of icons at 800×480: the largest that leaves the words their room."""
LEAST_ICON: Final = 24
"""A smaller one cannot be told from another."""
AIR: Final = 6
"""Between large words beside an icon and the edge, where there is room."""
NARROWEST: Final = 150
"""Width of a tile with an icon; narrower ones look like a fence."""


def least_height(board: Board, choices: Sequence[views.Choice]) -> int:
    """The room in px that `put` needs at least."""
    return min(rows * board.target for rows in (2, len(choices)))


@dataclass(frozen=True, slots=True)
class _Layout:
    """A way to lay tiles out: the widths of its columns, the height of its rows, where the icon stands and its side."""

    columns: tuple[int, ...]
    height: int
    style: Style
    icon: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """A layout, the text size at which all words fit, and the height of the tallest words at that size."""

    layout: _Layout
    size: int
    words_h: int


def put(board: Board, choices: Sequence[views.Choice], room: Box) -> None:
    """Tiles in the finest layout in which every word has its size."""
    plan = _plan(board, choices, room)
    columns, style = plan.layout.columns, plan.layout.style
    rows = -(-len(choices) // len(columns))
    height = min(room.h // rows, board.px(200 if style == "above" else 116) * (1.3 if board.large else 1))
    height = max(int(height), min(board.target, room.h // rows))
    top = room.y + (room.h - rows * height) // 2
    for place, choice in enumerate(choices):
        down, across = divmod(place, len(columns))
        in_row = columns[: min(len(columns), len(choices) - down * len(columns))]
        start = room.x + (room.w - sum(in_row)) // 2 + sum(in_row[:across])
        _tile(board, choice, Box(start, top + down * height, columns[across], height), plan)


def _plan(board: Board, choices: Sequence[views.Choice], room: Box) -> _Plan:
    """The first layout in which every word has its full size, else the one with the largest words."""
    layouts = list(_layouts(board, choices, room))
    for air in dict.fromkeys((board.px(AIR) if board.large else 0, 0)):
        for layout in layouts:
            if (layout.icon or not air) and _fits(board, choices, layout, air):
                return _planned(board, choices, layout, air)
    plans = [_planned(board, choices, layout, 0) for layout in layouts]
    count = _squarest(len(choices), room)
    last = _Layout((room.w // count,) * count, room.h // -(-len(choices) // count), "bare", 0)
    return max(plans, key=lambda plan: plan.size, default=_Plan(last, board.least, 0))


def _squarest(count: int, room: Box) -> int:
    """How many columns leave the largest least side, where tiles cannot be as large as they should."""
    return max(range(1, count + 1), key=lambda columns: min(room.w // columns, room.h // -(-count // columns)))


def _layouts(board: Board, choices: Sequence[views.Choice], room: Box) -> Iterator[_Layout]:
    """Layouts to try, the finest first."""
    every = len(choices)
    counts = sorted({every, -(-every // 2), 3, 2, 1} & set(range(1, every + 1)), reverse=not board.portrait)
    styles: tuple[Style, ...] = ("bare",)
    if all(choice.icon for choice in choices):
        styles = ("beside", "above", "bare") if board.portrait else ("above", "beside", "bare")
    for style in styles:
        for count in counts:
            height = room.h // -(-every // count)
            for icon in _icons(board, style, Box(0, 0, room.w // count, height)):
                for columns in _columns(board, choices, count, style, icon, room.w):
                    if min(*columns, height) >= board.target or every == 1:
                        yield _Layout(columns, height, style, icon)


def _icons(board: Board, style: Style, cell: Box) -> Iterator[int]:
    """Sides of icons that have room in `cell`, the largest first."""
    if style == "bare":
        yield 0
    elif cell.w < board.px(NARROWEST):
        return
    elif style == "above":
        spare = _inner(board, cell, style).h - _lines(board) * board.line(SMALL, bold=True) - board.px(14)
        icon = snap(ICON_SIZES, min(cell.w * 0.4, spare, board.px(ABOVE)))
        if board.px(LEAST_ABOVE) <= icon <= spare:
            yield icon
    else:
        found = (snap(ICON_SIZES, min(_inner(board, cell, style).h, board.px(wish), cell.w * 0.22)) for wish in BESIDE)
        yield from dict.fromkeys(icon for icon in found if icon >= board.px(LEAST_ICON))


def _columns(
    board: Board, choices: Sequence[views.Choice], count: int, style: Style, icon: int, room_w: int
) -> Iterator[tuple[int, ...]]:
    """Columns of one width; in the accessible mode also such in which the longer words have the wider tiles."""
    yield (room_w // count,) * count
    if not board.large or style != "beside" or len(choices) % count:
        return
    around = 1000 - _words(board, Box(0, 0, 1000, board.target), style, icon).w
    wishes = [
        max(
            typeset.narrowest(choice.words, board.measure, size=board.least, bold=True, max_lines=2)
            for choice in choices[column::count]
        )
        + around
        for column in range(count)
    ]
    spare = (room_w - sum(wishes)) // count
    if spare >= 0:
        yield tuple(wish + spare for wish in wishes)


def _rooms(board: Board, choices: Sequence[views.Choice], layout: _Layout, air: int) -> Iterator[tuple[list[str], Box]]:
    """By column: its words, and the room that each of them has, with `air` px to spare."""
    count = len(layout.columns)
    for column, width in enumerate(layout.columns):
        room = _words(board, Box(0, 0, width, layout.height), layout.style, layout.icon)
        yield [choice.words for choice in choices[column::count]], Box(room.x, room.y, room.w - air, room.h)


def _fits(board: Board, choices: Sequence[views.Choice], layout: _Layout, air: int) -> bool:
    """Whether every word has its least size."""
    rooms = _rooms(board, choices, layout, air)
    return all(board.all_fit(words, room, bold=True, max_lines=MOST_LINES) for words, room in rooms)


def _planned(board: Board, choices: Sequence[views.Choice], layout: _Layout, air: int) -> _Plan:
    size, tallest = board.type(WORDS), 0
    for texts, room in _rooms(board, choices, layout, air):
        found = board.common_size(texts, width=room.w, height=room.h, step=WORDS, bold=True, max_lines=MOST_LINES)
        size = min(size, found)
        for words in texts:
            setting = board.setting(words, width=room.w, height=room.h, step=WORDS, bold=True, max_lines=MOST_LINES)
            tallest = max(tallest, setting.height)
    return _Plan(layout, size, tallest)


def _lines(board: Board) -> int:
    """Lines of words beneath an icon."""
    return 2 if board.large else MOST_LINES


def _inner(board: Board, cell: Box, style: Style) -> Box:
    """What of a tile may be filled. Large words beside an icon come closer to the edge."""
    tight = board.large and style == "beside"
    return cell.inset(board.px(4) + board.px(4 if tight else 8), board.px(4) + board.px(1))


def _lead(board: Board, style: Style) -> tuple[int, int]:
    """What an icon beside words keeps from the edge more than words do, and from the words."""
    if style != "beside":
        return 0, 0
    return (board.px(2), board.px(8)) if board.large else (board.px(8), board.px(12))


def _words(board: Board, cell: Box, style: Style, icon: int) -> Box:
    """The room of the words within a tile."""
    inner = _inner(board, cell, style)
    if style == "above":
        height = _lines(board) * board.line(SMALL, bold=True)
        return Box(inner.x, inner.bottom - height, inner.w, height)
    before = sum(_lead(board, style)) + icon
    return Box(inner.x + before, inner.y, inner.w - before, inner.h)


def _tile(board: Board, choice: views.Choice, cell: Box, plan: _Plan) -> None:
    style, side = plan.layout.style, plan.layout.icon
    board.panel(cell.inset(board.px(4), board.px(4)), shadow=True, control=choice.key)
    words = _words(board, cell, style, side)
    if style == "above":
        gap = board.px(12)
        top = cell.y + (cell.h - side - gap - plan.words_h) // 2
        icon = Box(cell.x, top, cell.w, side)
        words = Box(words.x, top + side + gap, words.w, plan.words_h)
    else:
        icon = Box(words.x - _lead(board, style)[1] - side, cell.y, side, cell.h)
    if choice.icon and side:
        board.icon(choice.icon, icon, "accent", choice.key)
    board.text(
        choice.words,
        words,
        size=plan.size,
        bold=True,
        align="left" if style == "beside" else "centre",
        valign="top" if style == "above" else "middle",
        max_lines=MOST_LINES,
        control=choice.key,
    )
    board.touchable(choice.key, cell)
