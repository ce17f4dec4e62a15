"""Buttons with words, and an icon before them: alone, or several in a row."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Final

from kiosk.screen import typeset
from kiosk.screen.board import SMALL, Board, snap
from kiosk.screen.drawings import ICON_SIZES
from kiosk.screen.picture import Align, Box, Drain

LABEL: Final = -1.0
"""Step of the type scale of a button's words, where they have room."""
MOST_ROWS: Final = 2
PAD: Final = 8
"""Between a button's words and its edge."""


@dataclass(frozen=True, slots=True)
class Button:
    """What a button says. Quiet ones have no ground and no shadow of their own; behind `drain` (from, until, monotonic ms) a bar
    runs out."""

    key: str
    words: str
    icon: str | None = None
    quiet: bool = False
    drain: tuple[int, int] | None = None


def put(board: Board, button: Button, cell: Box, size: int | None = None) -> None:
    """A button that takes all of `cell` for the finger, and for the eye leaves a gap around itself. Its words are `size` px high at
    most."""
    box = cell.inset(board.px(4), board.px(4))
    drained = button.drain is not None
    board.panel(box, fill=None if button.quiet and not drained else "surface", shadow=not button.quiet, control=button.key)
    if button.drain is not None:
        since, until = button.drain
        inner = max(1, board.px(1.5))
        corner = board.px(board.theme.corner) - inner
        board.add(Drain(box.inset(inner, inner), "pressed", corner, since, until, button.key))
    lead = _lead(board, button)
    room = _room(board, cell)
    found = _setting(board, button, cell)
    if size is not None and size < found.size:
        found = board.set_at(button.words, size, width=room.w - lead, max_lines=2)
    start = room.x + max(0, (room.w - lead - found.width) // 2)
    if button.icon is not None:
        board.icon(button.icon, Box(start, box.y, _icon(board), box.h), control=button.key)
    label = Box(start + lead, room.y, found.width if button.icon is None else room.right - start - lead, room.h)
    align: Align = "left" if button.icon is not None else "centre"
    board.text(button.words, label, size=found.size, bold=True, align=align, max_lines=2, control=button.key)
    board.touchable(button.key, cell)


def _room(board: Board, cell: Box) -> Box:
    return cell.inset(board.px(4) + board.px(PAD), board.px(4) + board.px(1))


def _setting(board: Board, button: Button, cell: Box) -> typeset.Setting:
    room = _room(board, cell)
    width = room.w - _lead(board, button)
    return board.setting(button.words, width=width, height=room.h, step=LABEL, bold=True, max_lines=2)


def stack(board: Board, buttons: Sequence[Button], room: Box) -> Box:
    """Buttons side by side across all the width of `room`, at its foot, in further rows where one is not enough. Returns what they
    take."""
    rows = _rows(board, buttons, room.w)
    if len(rows) > 1 and not board.large:  # words alone may do with one
        bare = [replace(button, icon=None) for button in buttons]
        rows = min(rows, _rows(board, bare, room.w), key=len)
    heights = [_height(board, row, room.w) for row in rows]
    top = y = room.bottom - sum(heights)
    for row, height in zip(rows, heights, strict=True):
        edges = list(accumulate(_shares(board, row, room.w), initial=room.x))
        cells = [Box(left, y, right - left, height) for left, right in pairwise(edges)]
        size = min(_setting(board, button, cell).size for button, cell in zip(row, cells, strict=True))
        for button, cell in zip(row, cells, strict=True):
            put(board, button, cell, size)
        y += height
    return Box(room.x, top, room.w, room.bottom - top)


def _rows(board: Board, buttons: Sequence[Button], room_w: int) -> list[list[Button]]:
    """As many to a row as have room with their words in two lines."""
    rows: list[list[Button]] = []
    for button in buttons:
        row = [*rows[-1], button] if rows else [button]
        if rows and sum(_wish(board, each, lines=2) for each in row) <= room_w:
            rows[-1] = row
        else:
            rows.append([button])
    if len(rows) > MOST_ROWS:  # very long words are set smaller
        half = -(-len(buttons) // MOST_ROWS)
        return [list(buttons[:half]), list(buttons[half:])]
    return rows


def _height(board: Board, row: Sequence[Button], room_w: int) -> int:
    """The height of a row in px: a target, or more where words take two lines."""
    lines = 1 if sum(_wish(board, button, lines=1) for button in row) <= room_w else 2
    return max(board.target, lines * board.line(SMALL, bold=True) + 2 * (board.px(4) + board.px(1)))


def _shares(board: Board, row: Sequence[Button], room_w: int) -> list[int]:
    """Widths that add up to `room_w`: what the words ask for, in one line or two, and the rest in equal parts."""
    wishes = [_wish(board, button, lines=1) for button in row]
    if sum(wishes) > room_w:
        wishes = [_wish(board, button, lines=2) for button in row]
    if sum(wishes) > room_w:  # one button with very long words, which are set smaller
        wishes = [room_w // len(row) for _ in row]
    each, rest = divmod(room_w - sum(wishes), len(wishes))
    return [wish + each + (place < rest) for place, wish in enumerate(wishes)]


def _wish(board: Board, button: Button, *, lines: int) -> int:
    return max(board.target, width(board, button, lines=lines))


def width(board: Board, button: Button, *, lines: int) -> int:
    """The width in px at which the words stand in so many lines."""
    around = _lead(board, button) + 2 * (board.px(PAD) + board.px(4)) + board.px(2)
    return typeset.narrowest(button.words, board.measure, size=board.type(SMALL), bold=True, max_lines=lines) + around


def _lead(board: Board, button: Button) -> int:
    return _icon(board) + board.px(10) if button.icon else 0


def _icon(board: Board) -> int:
    return snap(ICON_SIZES, board.px(30))
