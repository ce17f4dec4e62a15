"""Options to tap: faces across the whole width, or tiles with an icon and words."""

from collections.abc import Sequence

from kiosk.screen import views
from kiosk.screen.board import Board, snap
from kiosk.screen.drawings import FACE_SIZES, ICON_SIZES
from kiosk.screen.picture import Box


def options(board: Board, choices: Sequence[views.Choice], room: Box) -> None:
    """Faces where every option is one, tiles otherwise."""
    if all(choice.point for choice in choices):
        (_faces_in_column if board.portrait else _faces_in_row)(board, choices, room)
    else:
        _tiles(board, choices, room)


def _faces_in_row(board: Board, choices: Sequence[views.Choice], room: Box) -> None:
    """Worst at the left, best at the right, its word beneath each."""
    cell = room.w // len(choices)
    gap, words_w = board.px(14), cell - board.px(12)
    words_h = 2 * board.line(-0.5)
    size = board.common_size((choice.words for choice in choices), width=words_w, height=words_h, step=-0.5, bold=True, max_lines=2)
    words_h = max(
        board.setting(choice.words, width=words_w, height=words_h, step=-0.5, bold=True, max_lines=2).height for choice in choices
    )
    side = snap(FACE_SIZES, min(cell - board.px(10), room.h - gap - words_h))
    top = room.y + max(0, (room.h - side - gap - words_h) // 2)
    for place, choice in enumerate(choices):
        box = Box(room.x + place * cell, room.y, cell, room.h)
        board.face(choice.point or 1, Box(box.x, top, cell, side), choice.key)
        words = Box(box.x + (cell - words_w) // 2, top + side + gap, words_w, words_h)
        board.text(choice.words, words, size=size, bold=True, align="centre", valign="top", max_lines=2, control=choice.key)
        board.touchable(choice.key, box)


def _faces_in_column(board: Board, choices: Sequence[views.Choice], room: Box) -> None:
    """Best at the top, as people read a scale that stands upright; its word beside each, in one line of sight."""
    row = room.h // len(choices)
    side = snap(FACE_SIZES, min(row - board.px(12), room.w // 3))
    gap = board.px(28)
    words_w = room.w - side - gap - 2 * board.px(8)
    size = board.common_size((choice.words for choice in choices), width=words_w, height=row, step=1, bold=True, max_lines=2)
    widest = max(board.setting(choice.words, width=words_w, height=row, step=1, bold=True, max_lines=2).width for choice in choices)
    left = room.x + max(0, (room.w - side - gap - widest) // 2)
    for place, choice in enumerate(reversed(choices)):
        box = Box(room.x, room.y + place * row, room.w, row)
        board.face(choice.point or 1, Box(left, box.y, side, row), choice.key)
        words = Box(left + side + gap, box.y, room.right - left - side - gap, row)
        board.text(choice.words, words, size=size, bold=True, max_lines=2, control=choice.key)
        board.touchable(choice.key, box)


def _tiles(board: Board, choices: Sequence[views.Choice], room: Box) -> None:
    """In one row with the icon above where words fit so, else in two rows or one column with the icon beside."""
    if board.portrait:
        _grid(board, choices, room, columns=1)
    elif board.large:
        _grid(board, choices, room, columns=2)
    elif _fits_in_row(board, choices, room):
        _row(board, choices, room)
    else:
        _grid(board, choices, room, columns=-(-len(choices) // 2))


def _fits_in_row(board: Board, choices: Sequence[views.Choice], room: Box) -> bool:
    cell = (room.w - (len(choices) - 1) * board.px(12)) // len(choices)
    width = cell - 2 * board.px(8)
    return all(
        all(board.measure(word, board.type(-1), True) <= width for word in choice.words.split())
        and board.setting(choice.words, width=width, height=room.h, step=-1, bold=True, max_lines=3).size == board.type(-1)
        for choice in choices
    ) and room.h >= 3 * board.line(-1) + board.px(90)


def _row(board: Board, choices: Sequence[views.Choice], room: Box) -> None:
    gap, pad = board.px(12), board.px(8)
    cell = (room.w - (len(choices) - 1) * gap) // len(choices)
    width = cell - 2 * pad
    words = [choice.words for choice in choices]
    size = board.common_size(words, width=width, height=3 * board.line(-0.5), step=-0.5, bold=True, max_lines=3)
    lines = max(
        len(board.setting(each, width=width, height=3 * board.line(-0.5), step=-0.5, bold=True, max_lines=3).lines)
        for each in words
    )
    words_h = lines * board.line(-0.5)
    icon = snap(ICON_SIZES, min(cell * 0.5, room.h - words_h - 4 * board.px(12)))
    height = min(room.h, icon + words_h + 2 * board.px(20) + board.px(14))
    top = room.y + (room.h - height) // 2
    for place, choice in enumerate(choices):
        box = Box(room.x + place * (cell + gap), top, cell, height)
        board.panel(box, shadow=True, control=choice.key)
        inner = board.px(20)
        if choice.icon:
            board.icon(choice.icon, Box(box.x, box.y + inner, cell, icon), "accent", choice.key)
        label = Box(box.x + pad, box.bottom - inner - words_h, width, words_h)
        board.text(choice.words, label, size=size, bold=True, align="centre", max_lines=3, control=choice.key)
        board.touchable(choice.key, box)


def _grid(board: Board, choices: Sequence[views.Choice], room: Box, *, columns: int) -> None:
    gap, pad = board.px(8 if board.large else 12), board.px(14)
    rows = -(-len(choices) // columns)
    cell = (room.w - (columns - 1) * gap) // columns
    height = min((room.h - (rows - 1) * gap) // rows, board.px(104))
    icon = snap(ICON_SIZES, min(height - board.px(16), board.px(48), cell * 0.24))
    lead = icon + board.px(14) if any(choice.icon for choice in choices) else 0
    width = cell - 2 * pad - lead
    inner = height - 2 * board.px(2)
    step = -0.5 if columns > 1 else 0.0
    size = board.common_size((choice.words for choice in choices), width=width, height=inner, step=step, bold=True, max_lines=3)
    top = room.y + max(0, (room.h - rows * height - (rows - 1) * gap) // 2)
    for place, choice in enumerate(choices):
        row, column = divmod(place, columns)
        in_row = min(columns, len(choices) - row * columns)
        start = room.x + (room.w - in_row * cell - (in_row - 1) * gap) // 2
        box = Box(start + column * (cell + gap), top + row * (height + gap), cell, height)
        board.panel(box, shadow=True, control=choice.key)
        if choice.icon:
            board.icon(choice.icon, Box(box.x + pad, box.y, icon, height), "accent", choice.key)
        label = Box(box.x + pad + lead, box.y + board.px(2), width, inner)
        board.text(choice.words, label, size=size, bold=True, max_lines=3, control=choice.key)
        board.touchable(choice.key, box)
