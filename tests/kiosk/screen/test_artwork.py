"""The rendered drawings are those of the sources, and what the screen expects of them is there."""

import json

from PIL import Image

from kiosk.screen.drawings import FACE_CELLS, FACE_SIZES, ICON_SIZES, ICONS
from workbench import artwork


def test_the_strips_were_rendered_from_the_drawings_as_they_are() -> None:
    manifest = json.loads(artwork.MANIFEST.read_text())
    assert manifest["sources"] == artwork.sources(), "a drawing has changed: run ./vidhuk docs assets"
    assert manifest["products"] == artwork.products()


def test_every_strip_has_its_cells_and_something_in_each() -> None:
    for folder, sizes, cells in (("faces", FACE_SIZES, FACE_CELLS), ("icons", ICON_SIZES, len(ICONS))):
        for size in sizes:
            with Image.open(artwork.ASSETS / folder / f"strip-{size}.png") as strip:
                assert strip.size == (size * cells, size)
                alpha = strip.getchannel("A")
                for cell in range(cells):
                    assert alpha.crop((cell * size, 0, (cell + 1) * size, size)).getextrema()[1] > 200, (folder, size, cell)


def test_the_five_faces_differ_without_colour() -> None:
    with Image.open(artwork.ASSETS / "faces" / "strip-96.png") as strip:
        alpha = strip.getchannel("A")
        faces = [alpha.crop((cell * 96, 0, (cell + 1) * 96, 96)).tobytes() for cell in range(5)]
    for one in range(5):
        for other in range(one + 1, 5):
            differing = sum(abs(a - b) > 96 for a, b in zip(faces[one], faces[other], strict=True))
            assert differing > 100, (one, other, differing)
