"""The screens on which nobody is asked anything: what did not work, that the court is closed, that the glass is being wiped."""

from itertools import combinations, pairwise
from typing import Final

from kiosk.screen import views
from kiosk.screen.board import Board, snap
from kiosk.screen.drawings import ICON_SIZES
from kiosk.screen.picture import Box, Drain, Panel, Tone
from kiosk.screen.screens import frame
from kiosk.screen.screens.buttons import Button, put, width

MOST_LINES: Final = 4
FOOTER_STEP: Final = -1.5
BETWEEN: Final = " · "
"""What parts the staff's line."""
Line = tuple[str, Tone, bool]
"""A lesser line: its words, its tone, and whether it is bold."""


def not_recorded(board: Board, view: views.NotRecorded) -> None:
    """The answer could not be saved; any touch leads back to the question."""
    head = frame.header(board, view.frame)
    bar = frame.bar(board, view.frame)
    again = Button("done", view.again)
    wide = min(board.width - 2 * board.margin, max(width(board, again, lines=1), board.width // 3))
    spot = Box((board.width - wide) // 2, bar.y - board.target - board.px(8), wide, board.target)
    _notice(board, "alert", view.sentence, [], Box(0, head.bottom, board.width, spot.y - head.bottom - board.px(8)))
    put(board, again, spot)
    if not board.large:
        board.touchable("done", Box(0, 0, board.width, board.height))


def out_of_order(board: Board, view: views.OutOfOrder) -> None:
    """Nothing can be recorded; the number tells whoever calls which device it is."""
    head = frame.header(board, view.frame)
    bar = frame.bar(board, view.frame)
    number: list[Line] = [(view.number, "quiet", True)] if view.number is not None else []
    _notice(board, "pause", view.sentence, number, Box(0, head.bottom, board.width, bar.y - head.bottom))


def closed(board: Board, view: views.Closed) -> None:
    """The court is closed: when it opens, and that a visit can be rated all the same."""
    head = frame.header(board, view.frame)
    bar = frame.bar(board, view.frame)
    opens: list[Line] = [(view.opens, "ink", True)] if view.opens is not None else []
    _notice(
        board,
        "closed",
        view.sentence,
        [*opens, (view.still, "quiet", False)],
        Box(0, head.bottom, board.width, bar.y - head.bottom),
    )


def cleaning(board: Board, view: views.Cleaning) -> None:
    """The glass is locked for wiping: how long still, in words and as a bar; a quiet line for staff. Nothing here can be
    touched."""
    head = frame.header(board, view.frame)
    foot = _footer(board, view.staff) if view.staff else board.height
    bar, wide = board.px(10), board.width // 2
    track = Box((board.width - wide) // 2, min(board.height * 3 // 4, foot - board.px(16) - bar), wide, bar)
    _notice(board, "clean", view.sentence, [], Box(0, head.bottom, board.width, track.y - head.bottom - board.px(16)))
    board.add(Panel(track, "line", None, 0, bar // 2))
    board.add(Drain(track, "accent", bar // 2, view.since, view.until))


def _footer(board: Board, line: str) -> int:
    """`line` at the foot of the screen, in the smallest size that is set anywhere; where it is too long for one line, it is broken
    between its parts. Returns where it begins."""
    wide = board.width - 2 * board.margin
    lines = _packed(board, line.split(BETWEEN), wide)
    settings = [board.setting(each, width=wide, height=board.height // 3, step=FOOTER_STEP, max_lines=2) for each in lines]
    top = y = board.height - board.margin - sum(setting.height for setting in settings)
    for words, setting in zip(lines, settings, strict=True):
        board.text(words, Box(board.margin, y, wide, setting.height), size=setting.size, tone="quiet", align="centre", max_lines=2)
        y += setting.height
    return top


def _packed(board: Board, parts: list[str], wide: int) -> list[str]:
    """`parts` joined into as few lines of `wide` px as they fill, of lengths as equal as can be; what is wider has its own."""

    def width(line: str) -> int:
        return board.measure(line, board.type(FOOTER_STEP), False)

    ways = [
        [BETWEEN.join(parts[start:end]) for start, end in pairwise((0, *cuts, len(parts)))]
        for many in range(len(parts))
        for cuts in combinations(range(1, len(parts)), many)
    ]
    fitting = [lines for lines in ways if all(width(line) <= wide or line in parts for line in lines)]
    return min(fitting, key=lambda lines: (len(lines), sum(width(line) ** 2 for line in lines)))


def _notice(board: Board, icon: str, sentence: str, more: list[Line], room: Box) -> None:
    """Sign, sentence and lesser lines as one block in the middle of `room`."""
    gap = board.px(16)
    wide = board.width - 2 * board.margin
    lines = 2 if not board.portrait else 3
    below = [board.setting(words, width=wide, height=room.h // 3, step=-0.5, bold=bold, max_lines=lines) for words, _, bold in more]
    left = room.h - sum(each.height + gap // 2 for each in below) - gap
    found = board.setting(sentence, width=wide, height=left, step=1, bold=True, max_lines=MOST_LINES)
    spare = left - found.height - gap
    side = snap(ICON_SIZES, min(board.px(88), spare)) if spare >= board.px(40) else 0
    used = (side + gap if side else 0) + found.height + sum(each.height + gap // 2 for each in below)
    y = room.y + max(0, (room.h - used) // 2)
    if side:
        board.icon(icon, Box(room.x, y, room.w, side), "accent")
        y += side + gap
    board.text(sentence, Box(board.margin, y, wide, found.height), size=found.size, bold=True, align="centre", max_lines=MOST_LINES)
    y += found.height + gap // 2
    for (words, tone, bold), setting in zip(more, below, strict=True):
        spot = Box(board.margin, y, wide, setting.height)
        board.text(words, spot, size=setting.size, bold=bold, tone=tone, align="centre", max_lines=lines)
        y += setting.height + gap // 2
