"""Faces to tap: in a row across the whole width, or in a column with their words beside them.

They run from worst to best everywhere, in reading order: so do the keys and the voice, on every screen and in both looks.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

from kiosk.screen import typeset, views
from kiosk.screen.board import Board, snap
from kiosk.screen.drawings import FACE_SIZES
from kiosk.screen.picture import Box

WORDS: Final = -1.0
"""Step of the type scale of the words at faces."""
COLUMN_WORDS: Final = 0.5
"""The same in a column, where they have a line of their own."""
GAP: Final = 8
"""Between a face and its words."""
SMALLEST: Final = (64, 48)
"""Wishes, one after the other, for the faces of the accessible mode, where large words need the room. The last is still 9 mm on a
panel of 7 inches."""
LEAST_SHARE: Final = 6
"""In a row each face has at least so many parts of the width."""
COLUMNS: Final = 2
"""In portrait, where one has no room."""


def put(board: Board, choices: Sequence[views.Choice], room: Box, most: int) -> None:
    """Faces of `most` px at most."""
    if not board.portrait:
        _in_row(board, choices, room, most)
    elif room.h >= len(choices) * board.target:
        _in_columns(board, choices, room, [room.w], most)
    else:
        _in_columns(board, choices, room, _columns(board, choices, room.w), most)


def least_height(board: Board, choices: Sequence[views.Choice], face: int) -> int:
    """The room in px that `put` needs at least, with faces of `face` px at 800×480."""
    if board.portrait:
        return -(-len(choices) // COLUMNS) * board.target
    cells, lines = _cells(board, choices, board.width - 2 * board.px(8))
    words = max(
        board.set_at(choice.words, board.least, width=cell - 2 * board.ring, max_lines=lines).height
        for choice, cell in zip(choices, cells, strict=True)
    )
    return max(board.target, board.px(face) + board.px(GAP) + words + 2 * board.ring)


def _in_row(board: Board, choices: Sequence[views.Choice], room: Box, most: int) -> None:
    """Worst at the left, best at the right, its word beneath each."""
    cells, lines = _cells(board, choices, room.w)
    gap, widths = board.px(GAP), [cell - 2 * board.ring for cell in cells]
    size = 0
    for face in SMALLEST:
        highest = min(lines * board.line(WORDS, bold=True), room.h - board.px(face) - gap - 2 * board.ring)
        size = min(
            board.setting(choice.words, width=width, height=highest, step=WORDS, bold=True, max_lines=lines).size
            for choice, width in zip(choices, widths, strict=True)
        )
        if size >= board.least:
            break
    pairs = zip(choices, widths, strict=True)
    words_h = max(board.set_at(choice.words, size, width=width, max_lines=lines).height for choice, width in pairs)
    side = snap(FACE_SIZES, min(most, *widths, room.h - gap - words_h - 2 * board.ring))
    top = room.y + max(0, (room.h - side - gap - words_h) // 2)
    for choice, (left, right) in zip(choices, pairwise(accumulate(cells, initial=room.x)), strict=True):
        box = Box(left, room.y, right - left, room.h)
        board.face(choice.point or 1, Box(box.x, top, box.w, side), choice.key)
        label = Box(box.x + board.ring, top + side + gap, box.w - 2 * board.ring, words_h)
        board.text(choice.words, label, size=size, bold=True, align="centre", valign="top", max_lines=lines, control=choice.key)
        board.touchable(choice.key, box)


def _cells(board: Board, choices: Sequence[views.Choice], room_w: int) -> tuple[list[int], int]:
    """Widths of a row's cells, and how many lines their words may take. Even ones; in the accessible mode a long word gets more
    room than its neighbours, and its mirror image the same, so that two lines do."""
    even = [room_w // len(choices)] * len(choices)
    if not board.large:
        return even, 2
    for size in (board.type(WORDS), board.least):
        wishes = [
            typeset.narrowest(choice.words, board.measure, size=size, bold=True, max_lines=2) + 2 * board.ring for choice in choices
        ]
        if max(wishes) <= even[0]:
            return even, 2
        least = max(board.target, -(-board.width // LEAST_SHARE)) if len(choices) < LEAST_SHARE else board.target
        widths = [max(pair, least) for pair in map(max, wishes, reversed(wishes))]
        if sum(widths) <= room_w:
            spare = (room_w - sum(widths)) // len(widths)
            return [width + spare for width in widths], 2
    return even, 3


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


def _in_columns(board: Board, choices: Sequence[views.Choice], room: Box, columns: Sequence[int], most: int) -> None:
    """Its word beside each, in one line of sight."""
    row = room.h // -(-len(choices) // len(columns))
    pad, gap = board.px(8), board.px(8 if len(columns) > 1 else 24)
    widest_face = board.px(SMALLEST[0]) if board.large else room.w // len(columns) // 3  # large words come first
    side = snap(FACE_SIZES, min(most, row - 2 * board.ring, widest_face))
    around = side + gap + 2 * pad
    words = [(choice.words, columns[place % len(columns)] - around) for place, choice in enumerate(choices)]
    size = min(
        board.common_size([each], width=width, height=row, step=COLUMN_WORDS, bold=True, max_lines=2) for each, width in words
    )
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
