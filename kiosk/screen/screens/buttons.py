"""Buttons with words, and an icon before them: alone, or several in a row."""

from collections.abc import Sequence
from dataclasses import dataclass

from kiosk.screen.board import Board, snap
from kiosk.screen.drawings import ICON_SIZES
from kiosk.screen.picture import Box, Drain


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
    room = box.inset(pad, board.px(2))
    found = board.setting(button.words, width=room.w - lead, height=room.h, step=-1, bold=True, max_lines=2)
    start = room.x + max(0, (room.w - lead - found.width) // 2)
    if button.icon is not None:
        board.icon(button.icon, Box(start, box.y, _icon(board), box.h), control=button.key)
    label = Box(start + lead, room.y, room.right - start - lead, room.h)
    board.text(button.words, label, step=-1, bold=True, max_lines=2, control=button.key)
    board.touchable(button.key, cell)


def in_row(board: Board, buttons: Sequence[Button], room: Box) -> None:
    """Buttons side by side across all of `room`, each as wide as its words ask for in comparison."""
    if not buttons:
        return
    wishes = [width(board, button, lines=1) for button in buttons]
    if sum(wishes) > room.w:
        wishes = [width(board, button, lines=2) for button in buttons]
    wishes = [max(wish, board.target) for wish in wishes]
    x = room.x
    for place, button in enumerate(buttons):
        rest = len(buttons) - place
        share = (room.right - x) // rest if sum(wishes) == 0 else (room.right - x) * wishes[place] // sum(wishes[place:])
        put(board, button, Box(x, room.y, share, room.h))
        x += share


def width(board: Board, button: Button, *, lines: int) -> int:
    """The width in px at which the words stand in so many lines."""
    around = _lead(board, button) + 2 * (board.px(10) + board.px(4)) + board.px(4)
    most = board.measure(button.words, board.type(-1), True)
    if lines == 1:
        return most + around
    words = button.words.split()
    measured = (
        board.measure(" ".join(part), board.type(-1), True) for cut in range(1, len(words)) for part in (words[:cut], words[cut:])
    )
    pairs = list(measured)
    return min((max(pairs[at : at + 2]) for at in range(0, len(pairs), 2)), default=most) + around


def _lead(board: Board, button: Button) -> int:
    return _icon(board) + board.px(10) if button.icon else 0


def _icon(board: Board) -> int:
    return snap(ICON_SIZES, board.px(30))
