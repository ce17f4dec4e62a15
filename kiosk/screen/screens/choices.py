"""Options to tap: faces across the whole width, or tiles with an icon and words. Cells fill their room, so that a finger between
two of them hits the nearer one; what is seen leaves a gap."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from kiosk.screen import typeset, views
from kiosk.screen.board import SMALL, Board, snap
from kiosk.screen.drawings import FACE_SIZES, ICON_SIZES
from kiosk.screen.picture import Box

Style = Literal["above", "beside", "bare"]
"""Where a tile's icon stands; `bare` is without one, where large words leave it no room."""
FACES: Final = -1.0
"""Step of the type scale of the words at faces; those of tiles are a little larger where they have room."""
TILES: Final = -0.5
MOST_LINES: Final = 3
COLUMNS: Final = 2
"""Of faces in portrait, where one has no room."""
GAP: Final = 8
"""Between a face and its words."""
BESIDE: Final = 8
"""What an icon beside words keeps from the edge more than words do."""
SMALLEST_FACES: Final = (80, 64, 48)
"""Wishes, one after the other, for the faces of the accessible mode, where large words need the room. The last is still 9 mm on a
panel of 7 inches."""
NARROWEST: Final = 150
"""Width of a tile with the icon above; narrower ones look like a fence."""


def options(board: Board, choices: Sequence[views.Choice], room: Box, *, most: int | None = None) -> None:
    """Faces of `most` px at most where every option is one, tiles otherwise. Not for options beside the scale."""
    if are_faces(choices):
        _faces(board, choices, room, FACE_SIZES[-1] if most is None else most)
    else:
        _tiles(board, choices, room)


def are_faces(choices: Sequence[views.Choice]) -> bool:
    """Whether `choices` are points of a scale with a face each."""
    return all(choice.point for choice in choices)


def least_height(board: Board, choices: Sequence[views.Choice], face: int) -> int:
    """The room in px that `options` need at least, at the whole width, with faces of `face` px at 800×480."""
    if not are_faces(choices):
        return min(rows * board.target for rows in (2, len(choices)))
    if board.portrait:
        return -(-len(choices) // COLUMNS) * board.target
    width = _words_width(board, board.width // len(choices))
    words = max(
        board.setting(choice.words, width=width, height=board.height, step=SMALL, bold=True, max_lines=_lines(board)).height
        for choice in choices
    )
    return max(board.target, board.px(face) + board.px(GAP) + words + 2 * board.ring)


# --- faces -------------------------------------------------------------------------------------------------------------------


def _faces(board: Board, choices: Sequence[views.Choice], room: Box, most: int) -> None:
    """A row in landscape. In a column the best stands on top, as on a scale; keys and large words run from worst to best."""
    if not board.portrait:
        _faces_in_row(board, choices, room, most)
    elif room.h >= len(choices) * board.target:
        _faces_in_columns(board, choices if board.large else tuple(reversed(choices)), room, [room.w], most)
    else:
        _faces_in_columns(board, choices, room, _columns(board, choices, room.w), most)


def _lines(board: Board) -> int:
    return MOST_LINES if board.large else 2


def _words_width(board: Board, cell: int) -> int:
    return cell - 2 * board.ring


def _faces_in_row(board: Board, choices: Sequence[views.Choice], room: Box, most: int) -> None:
    """Worst at the left, best at the right, its word beneath each."""
    cell = room.w // len(choices)
    gap, lines, words_w = board.px(GAP), _lines(board), _words_width(board, cell)
    highest = min(lines * board.line(FACES, bold=True), room.h - board.px(SMALLEST_FACES[-1]) - gap - 2 * board.ring)
    words = [choice.words for choice in choices]
    size = board.common_size(words, width=words_w, height=highest, step=FACES, bold=True, max_lines=lines)
    settings = [board.set_at(each, size, width=words_w, max_lines=lines) for each in words]
    words_h = max(setting.height for setting in settings)
    side = snap(FACE_SIZES, min(most, cell - 2 * board.ring, room.h - gap - words_h - 2 * board.ring))
    top = room.y + max(0, (room.h - side - gap - words_h) // 2)
    for place, choice in enumerate(choices):
        box = Box(room.x + place * cell, room.y, cell, room.h)
        board.face(choice.point or 1, Box(box.x, top, cell, side), choice.key)
        label = Box(box.x + (cell - words_w) // 2, top + side + gap, words_w, words_h)
        board.text(choice.words, label, size=size, bold=True, align="centre", valign="top", max_lines=lines, control=choice.key)
        board.touchable(choice.key, box)


def _columns(board: Board, choices: Sequence[views.Choice], room_w: int) -> list[int]:
    """Widths of two columns, the wider one where the words are wider."""
    wishes = [
        max(
            typeset.narrowest(choice.words, board.measure, size=board.least, bold=True, max_lines=2)
            for choice in choices[column::COLUMNS]
        )
        for column in range(COLUMNS)
    ]
    spare = (room_w - sum(wishes)) // COLUMNS
    first = min(max(wishes[0] + spare, board.target), room_w - board.target)
    return [first, room_w - first]


def _faces_in_columns(board: Board, choices: Sequence[views.Choice], room: Box, columns: Sequence[int], most: int) -> None:
    """Its word beside each, in one line of sight."""
    row = room.h // -(-len(choices) // len(columns))
    pad, gap = board.px(8), board.px(8 if len(columns) > 1 else 24)
    side = snap(FACE_SIZES, min(most, row - 2 * board.ring, room.w // len(columns) // 3))
    around = side + gap + 2 * pad
    words = [(choice.words, columns[place % len(columns)] - around) for place, choice in enumerate(choices)]
    size = min(board.common_size([each], width=width, height=row, step=FACES, bold=True, max_lines=2) for each, width in words)
    widest = max(board.set_at(each, size, width=width, max_lines=2).width for each, width in words)
    left = max(pad, (room.w - side - gap - widest) // 2) if len(columns) == 1 else pad
    for place, choice in enumerate(choices):
        down, across = divmod(place, len(columns))
        box = Box(room.x + sum(columns[:across]), room.y + down * row, columns[across], row)
        board.face(choice.point or 1, Box(box.x + left, box.y, side, row), choice.key)
        start = box.x + left + side + gap
        board.text(
            choice.words, Box(start, box.y, box.right - pad - start, row), size=size, bold=True, max_lines=2, control=choice.key
        )
        board.touchable(choice.key, box)


# --- tiles -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Plan:
    """A way to lay tiles out: how many columns, where the icon stands, its size, the text size at which all words fit, and the
    height of the tallest words at that size."""

    columns: int
    style: Style
    icon: int
    size: int
    words_h: int


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
        if (style != "bare" and icon < board.px(28)) or (style == "above" and cell.w < board.px(NARROWEST)):
            continue
        size = board.common_size(
            (choice.words for choice in choices), width=words.w, height=words.h, step=TILES, bold=True, max_lines=MOST_LINES
        )
        plan = _Plan(columns, style, icon, size, _tallest(board, choices, words))
        if size >= board.least:
            return plan
        if best is None or size > best.size:
            best = plan
    return best or _Plan(-(-len(choices) // 2), "bare", 0, board.least, 0)


def _tallest(board: Board, choices: Sequence[views.Choice], room: Box) -> int:
    return max(
        board.setting(choice.words, width=room.w, height=room.h, step=TILES, bold=True, max_lines=MOST_LINES).height
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
