"""Options to tap: faces or tiles. Cells fill their room, so that a finger between two of them hits the nearer one; what is
seen leaves a gap."""

from collections.abc import Sequence

from kiosk.screen import views
from kiosk.screen.board import Board
from kiosk.screen.drawings import FACE_SIZES
from kiosk.screen.picture import Box
from kiosk.screen.screens import faces, tiles


def options(board: Board, choices: Sequence[views.Choice], room: Box, *, most: int = FACE_SIZES[-1]) -> None:
    """Faces of `most` px at most where every option is one, tiles otherwise. Not for options beside the scale."""
    if are_faces(choices):
        faces.put(board, choices, room, most)
    else:
        tiles.put(board, choices, room)


def are_faces(choices: Sequence[views.Choice]) -> bool:
    """Whether `choices` are points of a scale with a face each."""
    return all(choice.point for choice in choices)


def least_height(board: Board, choices: Sequence[views.Choice], *, face: int = faces.SMALLEST[0]) -> int:
    """The room in px that `options` need at least, at the whole width, with faces of `face` px at 800×480."""
    return faces.least_height(board, choices, face) if are_faces(choices) else tiles.least_height(board, choices)
