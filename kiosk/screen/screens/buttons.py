"""Buttons with words, and an icon before them."""

from kiosk.screen.board import Board, snap
from kiosk.screen.drawings import ICON_SIZES
from kiosk.screen.picture import Box, Drain


def button_size(board: Board, words: str, most: int, height: int, *, icon: str | None = None) -> int:
    """The width in px at which `words` stand in one line, at most `most`."""
    lead = _icon(board, height) + board.px(10) if icon else 0
    wanted = board.measure(words, board.type(-0.5), True) + lead + 2 * board.px(22)
    return min(wanted, most)


def button(
    board: Board,
    key: str,
    words: str,
    box: Box,
    *,
    icon: str | None = None,
    quiet: bool = False,
    plain: bool = False,
    drain: tuple[int, int] | None = None,
) -> None:
    """A button in `box`. Quiet ones have no ground of their own; `drain` lets a bar run out behind the words."""
    board.panel(box, fill=None if quiet and drain is None else "surface", edge="edge", shadow=plain, control=key)
    if drain is not None:
        since, deadline = drain
        inner = max(1, board.px(1.5))
        board.add(Drain(box.inset(inner, inner), "pressed", board.px(board.theme.corner) - inner, since, deadline, key))
    pad = board.px(18)
    size = _icon(board, box.h) if icon else 0
    lead = size + board.px(10) if icon else 0
    room = box.inset(pad, board.px(2))
    found = board.setting(words, width=room.w - lead, height=room.h, step=-0.5, bold=True, max_lines=2)
    start = room.x + max(0, (room.w - lead - found.width) // 2)
    if icon:
        board.icon(icon, Box(start, box.y, size, box.h), control=key)
    label = Box(start + lead, room.y, room.right - start - lead, room.h)
    board.text(words, label, step=-0.5, bold=True, max_lines=2, control=key)
    board.touchable(key, box)


def _icon(board: Board, height: int) -> int:
    return snap(ICON_SIZES, min(height * 0.5, board.px(30)))
