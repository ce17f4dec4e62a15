"""The one motion between two screens: the face that was pressed glides to where it stands, small, above the next question.

It lies over the next picture, whose words and controls are all there from the first moment. Nothing waits for it. No Kivy in here.
"""

from dataclasses import dataclass

from kiosk.screen.picture import Box, Face, Picture


@dataclass(frozen=True, slots=True)
class Glide:
    """The way of `face` to `end`, from `since` on for `lasts` ms, on a picture `height` px high."""

    face: Face
    end: Box
    since: int
    lasts: int
    height: int

    def at(self, now: int) -> tuple[Box, float] | None:
        """Where the face is at `now` (monotonic ms), and how opaque, from 1 to 0; None once it has arrived.

        The face at the end of the way is there all the time; what glides is a trace that leads the eye to it, and fades.
        """
        past = (now - self.since) / max(1, self.lasts)
        if past >= 1:
            return None
        gone = 1 - (1 - max(0.0, past)) ** 3  # ease-out: fast at first, so that it is soon out of the way
        box = Box(*(round(start + (end - start) * gone) for start, end in zip(self.face.box, self.end, strict=True)))
        return box, 1 - gone**2


def glide(before: Picture, after: Picture, *, since: int, lasts: int) -> Glide | None:
    """The glide between two pictures; None unless a face was pressed in the first and stands apart in the second."""
    if before.pressed is None or before.size != after.size or after.pressed is not None or lasts <= 0:
        return None
    pressed = [mark for mark in before.marks if isinstance(mark, Face) and mark.control == before.pressed]
    for face in pressed:
        for mark in after.marks:
            if isinstance(mark, Face) and mark.control is None and mark.point == face.point and mark.box != face.box:
                return Glide(face, mark.box, since, lasts, after.size[1])
    return None
