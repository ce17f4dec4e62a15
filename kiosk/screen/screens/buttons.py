"""Buttons with words, and an icon before them: alone, or several in a row."""

from collections.abc import Sequence
from dataclasses import dataclass

from kiosk.screen import typeset
from kiosk.screen.board import SMALL, Board, snap
from kiosk.screen.drawings import ICON_SIZES
from kiosk.screen.picture import Align, Box, Drain


@dataclass(frozen=True, slots=True)
class Button:
    """What a button says. Quiet ones have no ground and no shadow of their own; behind `drain` (from, until, monotonic ms) a bar
    runs out."""

    key: str
    words: str
    icon: str | None = None
    quiet: bool = False
    drain: tuple[int, int] | None = None


def put(board: Board, button: Button, cell: Box) -> None:
    """A button that takes all of `cell` for the finger, and for the eye leaves a gap around itself."""
    box = cell.inset(board.px(4), board.px(4))
    drained = button.drain is not None
    board.panel(box, fill=None if button.quiet and not drained else "surface", shadow=not button.quiet, control=button.key)
    if button.drain is not None:
        since, until = button.drain
        inner = max(1, board.px(1.5))
        corner = board.px(board.theme.corner) - inner
        board.add(Drain(box.inset(inner, inner), "pressed", corner, since, until, button.key))
    pad = board.px(10)
    lead = _lead(board, button)
    room = box.inset(pad, board.px(1))
    found = board.setting(button.words, width=room.w - lead, height=room.h, step=SMALL, bold=True, max_lines=2)
    start = room.x + max(0, (room.w - lead - found.width) // 2)
    if button.icon is not None:
        board.icon(button.icon, Box(start, box.y, _icon(board), box.h), control=button.key)
    label = Box(start + lead, room.y, found.width if button.icon is None else room.right - start - lead, room.h)
    align: Align = "left" if button.icon is not None else "centre"
    board.text(button.words, label, size=found.size, bold=True, align=align, max_lines=2, control=button.key)
    board.touchable(button.key, cell)


def stack(board: Board, buttons: Sequence[Button], room: Box) -> Box:
    """Buttons side by side across all the width of `room`, at its foot, in further rows where one is not enough. Returns what they
    take."""
    rows = _rows(board, buttons, room.w)
    heights = [_height(board, row, room.w) for row in rows]
    top = y = room.bottom - sum(heights)
    for row, height in zip(rows, heights, strict=True):
        x = room.x
        for button, share in zip(row, _shares(board, row, room.w), strict=True):
            put(board, button, Box(x, y, share, height))
            x += share
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
    around = _lead(board, button) + 2 * (board.px(10) + board.px(4)) + board.px(4)
    return typeset.narrowest(button.words, board.measure, size=board.type(SMALL), bold=True, max_lines=lines) + around


def _lead(board: Board, button: Button) -> int:
    return _icon(board) + board.px(10) if button.icon else 0


def _icon(board: Board) -> int:
    return snap(ICON_SIZES, board.px(30))
