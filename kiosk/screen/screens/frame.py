"""What stands around every screen: the court's name, the languages, the accessibility control."""

from typing import Final

from kiosk.screen import views
from kiosk.screen.board import Board
from kiosk.screen.picture import Box, Panel

HEADER: Final = 64
TOUCH: Final = 72
"""Least height of what a finger must hit: 15 mm on a panel of 7 inches."""
LARGER: Final = "larger"


def header(board: Board, frame: views.Frame, *, beside: int) -> Box:
    """Court's name at the left, languages at the right, `beside` px kept free around the middle. Returns the header
    as far as the languages."""
    row = Box(0, 0, board.width, board.px(HEADER + (20 if board.portrait or board.large else 0)))
    left = _languages(board, frame, row)
    middle = board.width // 2
    end = min(left - board.px(24), middle - beside // 2 - board.px(8)) if beside else left - board.px(24)
    free = Box(0, 0, left - board.px(16), row.h)
    if not frame.court:
        return free
    room = Box(board.margin, board.px(8), max(end - board.margin, board.px(120)), row.h - board.px(8))
    board.text(frame.court, room, size=board.least, tone="quiet", max_lines=3 if board.portrait else 2)
    return free


def _languages(board: Board, frame: views.Frame, row: Box) -> int:
    """Every language in its own name, its code where there are too many; returns the left end."""
    step, gap, pad = -1.0, board.px(8), board.px(12)
    names = [language.name for language in frame.languages]

    def widths() -> list[int]:
        return [board.setting(name, width=row.w, height=row.h, step=step, bold=True).width for name in names]

    if sum(widths()) + len(names) * (gap + 2 * pad) > board.width * (0.6 if board.portrait else 0.46):
        names = [language.code.upper() for language in frame.languages]
    right = board.width - board.margin + pad
    ends = right
    for language, name, width in reversed(list(zip(frame.languages, names, widths(), strict=True))):
        box = Box(ends - width - 2 * pad, row.y, width + 2 * pad, row.h + board.px(8))
        key = f"language:{language.code}"
        room = Box(box.x + pad, row.y + board.px(8), width, row.h - board.px(8))
        put = board.text(name, room, step=step, bold=True, tone="ink" if language.current else "accent", control=key)
        if language.current:
            rule = Box(put.x, put.bottom, put.w, max(2, board.px(3)))
            board.add(Panel(rule, "accent", None, 1, 0, control=key))
        else:
            board.touchable(key, box)
        ends = box.x - gap
    return ends


def larger(board: Board, frame: views.Frame, row: Box, *, words: bool) -> Box:
    """The accessibility control at the left of `row`; returns what it takes."""
    side = board.px(40)
    icon = board.icon("accessibility", Box(row.x, row.y + (row.h - side) // 2, side, side), "accent", LARGER)
    taken = icon
    if words:
        room = Box(icon.right + board.px(10), row.y, board.px(200), row.h)
        label = board.text(frame.larger, room, size=board.least, bold=True, tone="accent", max_lines=2, control=LARGER)
        taken = Box(icon.x, row.y, label.right - icon.x, row.h)
    reach = max(taken.w + 2 * board.px(16), board.px(TOUCH))
    board.touchable(LARGER, Box(max(0, taken.x - board.px(16)), row.y, reach, row.h))
    return Box(row.x, row.y, taken.w, row.h)
