"""Renders the drawings in `assets/` to the strips of PNG that the kiosk loads: `./vidhuk docs assets`.

A strip is one row of square cells, white on transparent: the kiosk tints them, so one drawing serves every theme. `artwork.json`
beside the strips records which drawings they were made from, and a test compares. Needs rsvg-convert (Debian: librsvg2-bin).
"""

import argparse
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from PIL import Image

from kiosk.screen.drawings import FACE_SIZES, ICON_SIZES, ICONS

ASSETS: Final = Path(__file__).resolve().parents[1] / "assets"
MANIFEST: Final = ASSETS / "artwork.json"

FACES: Final = tuple(f"face-{point}" for point in range(1, 6))

WHITE: Final = ".disc,.ring,.eyes,.marks{display:none}"
LAYERS: Final = {
    "disc": ".disc{display:inline;fill:#fff}",
    "ring": ".ring{display:inline;stroke:#fff}",
    "pressed": ".ring{display:inline;stroke:#fff;stroke-width:9;r:41.5px}",
}
FEATURES: Final = ".eyes{display:inline;fill:#fff}.marks{display:inline;stroke:#fff}"
ICON_STYLE: Final = ".line{stroke:#fff}.solid{fill:#fff}"

Layer = tuple[str, str]


def strips() -> dict[str, tuple[list[Layer], int]]:
    """Every strip by its path in `assets/`: its cells as (drawing, stylesheet) and the size of a cell in px."""
    face_cells = [(f"faces/{name}.svg", WHITE + FEATURES) for name in FACES]
    face_cells += [(f"faces/{FACES[0]}.svg", WHITE + style) for style in LAYERS.values()]
    icon_cells = [(f"icons/{name}.svg", ICON_STYLE) for name in ICONS]
    made = {f"faces/strip-{size}.png": (face_cells, size) for size in FACE_SIZES}
    return made | {f"icons/strip-{size}.png": (icon_cells, size) for size in ICON_SIZES}


def sources() -> dict[str, str]:
    """SHA-256 of every drawing by its path, and of the way they are rendered."""
    paths = [f"faces/{name}.svg" for name in FACES] + [f"icons/{name}.svg" for name in ICONS]
    hashes = {path: hashlib.sha256((ASSETS / path).read_bytes()).hexdigest() for path in paths}
    recipe = json.dumps([strips()], sort_keys=True).encode()
    return hashes | {"recipe": hashlib.sha256(recipe).hexdigest()}


def products() -> dict[str, str]:
    """SHA-256 of every strip by its path; a strip that is missing has none."""
    return {path: hashlib.sha256((ASSETS / path).read_bytes()).hexdigest() for path in strips() if (ASSETS / path).exists()}


def build() -> int:
    """Renders everything and writes the manifest; returns how many strips were made."""
    program = shutil.which("rsvg-convert")
    if program is None:
        raise SystemExit("rsvg-convert is missing. Install it with: apt-get install librsvg2-bin")
    cells: dict[tuple[Layer, int], Image.Image] = {}
    with tempfile.TemporaryDirectory() as folder:
        for path, (layers, size) in strips().items():
            strip = Image.new("LA", (size * len(layers), size), (255, 0))
            for place, layer in enumerate(layers):
                if (layer, size) not in cells:
                    cells[layer, size] = _render(program, Path(folder) / "style.css", layer, size)
                strip.paste(cells[layer, size], (place * size, 0))
            strip.save(ASSETS / path, optimize=True)
    for old in [*ASSETS.glob("faces/strip-*.png"), *ASSETS.glob("icons/strip-*.png")]:
        if str(old.relative_to(ASSETS)) not in strips():
            old.unlink()
    MANIFEST.write_text(json.dumps({"sources": sources(), "products": products()}, indent=1, sort_keys=True) + "\n")
    return len(strips())


def _render(program: str, stylesheet: Path, layer: Layer, size: int) -> Image.Image:
    drawing, style = layer
    stylesheet.write_text(style)
    command = [program, "-w", str(size), "-h", str(size), "-s", str(stylesheet), str(ASSETS / drawing)]
    done = subprocess.run(command, capture_output=True, check=True)
    alpha = Image.open(io.BytesIO(done.stdout)).convert("RGBA").getchannel("A")
    cell = Image.new("LA", (size, size), (255, 0))
    cell.putalpha(alpha)
    return cell


def main(argv: list[str]) -> int:
    """Renders the strips and says how many."""
    argparse.ArgumentParser(prog="vidhuk docs assets", description="Render the drawings in assets/ for the kiosk.").parse_args(argv)
    print(f"{build()} strips rendered into assets/faces and assets/icons")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
