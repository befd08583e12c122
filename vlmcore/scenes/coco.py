"""COCO's own format: a folder of pictures and what people annotated in them, as JSON.

Design choices:
- what we write is COCO to every other reader; what COCO has no field for (place, what is odd, …) stands under an extra
  key, "vlmcore", that others ignore and ``read_coco`` restores;
- reading opens no picture: a broken one is told of when it is looked at;
- whatever is wrong stops the reading with one sentence; nothing is skipped in silence but what COCO itself holds:
  crowds (one box around many things) and boxes without area (train2017 has two).
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

from PIL import Image

from vlmcore.errors import VlmError
from vlmcore.files import write, write_json
from vlmcore.scenes.backgrounds import PLACES
from vlmcore.scenes.objects import load_objects
from vlmcore.scenes.questions import QuestionGenerator
from vlmcore.scenes.scene import Scene, Thing
from vlmcore.scenes.world import SHAPES, World

EXTRA = "vlmcore"  # our key in COCO's entries holds what COCO has no field for
KINDS = ("scatter", "hidden", "sum", "unusual", "shape")
INFO = {
    "description": "Scenes painted by vlmcore. Graphics: Twemoji, © Twitter, Inc and other contributors, CC BY 4.0, "
    "OpenMoji, CC BY-SA 4.0, and Noto Emoji, © Google Inc., Apache 2.0",
    "url": "https://openmoji.org",
    "version": "1.0",
    "year": 2026,
    "contributor": "the vlmcore authors",
    "date_created": "2026/01/01",
}
LICENSE = {
    "id": 1,
    "name": "Attribution-ShareAlike 4.0 International",
    "url": "https://creativecommons.org/licenses/by-sa/4.0/",
}


# -- writing ---------------------------------------------------------------------------------------------------------


def write_coco(
    folder: Path, scenes: Sequence[Scene], world: World, questions: QuestionGenerator, scale: int = 1
) -> None:
    """Paint scenes into ``folder``/images and describe them in ``folder``/annotations, split "train".

    scale: the pictures' side is 64·scale pixels, and the boxes grow with them. Captions: the generator's, without those
    that hold coordinates. The annotations come last, so that a run cut short leaves no half of a data set.
    """
    folder = Path(folder)
    ids = {name: number for number, name in enumerate([*world.names, "plus"], 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    captions: list[dict[str, Any]] = []
    for number, scene in enumerate(scenes, 1):
        if any(thing.sprite is None or thing.name not in ids for thing in scene.things):
            raise VlmError(f"scene {number} was not painted by this world: write scenes that World.scene() made")
        name = f"{number:012d}.png"
        picture = io.BytesIO()
        Image.fromarray(world.paint(scene, scale)).save(picture, "png", optimize=True)
        write(folder / "images" / name, picture.getvalue())
        width, height = (side * scale for side in scene.size)
        image = {"id": number, "width": width, "height": height, "file_name": name, "license": LICENSE["id"]}
        image |= {"flickr_url": "", "coco_url": "", "date_captured": "2026-01-01 00:00:00"}
        extra = {"kind": scene.kind, "place": scene.place, "odd": scene.odd, "shape": scene.shape}
        images.append(image | {EXTRA: extra})
        for thing in scene.things:
            box = tuple(value * scale for value in thing.box)
            entry = {"id": len(annotations) + 1, "image_id": number, "category_id": ids[thing.name]}
            annotations.append(entry | _outline(*box) | {"iscrowd": 0})
        for caption in questions.captions(scene):
            if "[[" not in caption:
                captions.append({"id": len(captions) + 1, "image_id": number, "caption": caption})
    categories = [{"id": ids[name], "name": name, "supercategory": item.kind} for name, item in world.objects.items()]
    categories.append({"id": ids["plus"], "name": "plus", "supercategory": "sign"})
    about = {"info": INFO, "licenses": [LICENSE], "images": images}
    write_json(folder / "annotations" / "captions_train.json", about | {"annotations": captions})
    instances = about | {"annotations": annotations, "categories": categories}
    write_json(folder / "annotations" / "instances_train.json", instances)


def _outline(x0: float, y0: float, x1: float, y1: float) -> dict[str, Any]:
    """A box in COCO's fields: [x, y, width, height], and itself as the outline of what it holds."""
    corners = [x0, y0, x1, y0, x1, y1, x0, y1]
    return {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0), "segmentation": [corners]}


# -- reading ---------------------------------------------------------------------------------------------------------


def read_coco(folder: Path) -> list[Scene]:
    """The scenes of ``folder``/annotations/instances_*.json, with the captions_*.json beside them.

    Pictures are looked for in the folder itself, in images/, in the split's own folder (train2017/) and in images/ of
    that. Boxes are cut at the picture's edge. Things stand in reading order; in scenes that we wrote, from back to
    front, as they were painted. Errors: VlmError that names the file, what is wrong and what to do.
    """
    folder = Path(folder)
    files = sorted(folder.glob("annotations/instances_*.json"))
    if not files:
        raise VlmError(f"{folder} holds no annotations/instances_*.json: name the folder of a COCO data set")
    return [scene for file in files for scene in _read_split(folder, file)]


def _read_split(folder: Path, file: Path) -> list[Scene]:
    split = file.stem.removeprefix("instances_")
    data = _load(file)
    images = _entries(file, data, "images", id=int, width=int, height=int, file_name=str)
    if not images:
        raise _wrong(file, "it lists no images")
    for image in images.values():
        if min(image["width"], image["height"]) < 1:
            raise _wrong(file, f"image {image['id']} is {image['width']}×{image['height']} pixels")
    categories = _entries(file, data, "categories", id=int, name=str)
    things: dict[int, list[Thing]] = {number: [] for number in images}
    for entry in _entries(file, data, "annotations", id=int, image_id=int, category_id=int, bbox=list).values():
        which = f"annotation {entry['id']}"
        if entry["image_id"] not in images:
            raise _wrong(file, f"{which} belongs to image {entry['image_id']}, which is not listed")
        if entry["category_id"] not in categories:
            raise _wrong(file, f"{which} is of category {entry['category_id']}, which is not listed")
        if entry.get("iscrowd", 0) not in (0, 1):
            raise _wrong(file, f'"iscrowd" of {which} is neither 0 nor 1')
        image = images[entry["image_id"]]
        box = _box(file, which, entry["bbox"], image["width"], image["height"])
        if box and not entry.get("iscrowd", 0):
            things[image["id"]].append(Thing(categories[entry["category_id"]]["name"], box))
    captions = _captions(file.with_name(f"captions_{split}.json"), images)
    pictures = _pictures(folder, file, split, images)
    return [
        _scene(file, image, things[number], tuple(captions[number]), pictures[number])
        for number, image in images.items()
    ]


def _load(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_bytes())
    except OSError as error:
        raise VlmError(f"cannot read {file}: {error.strerror}. Check the file and its permissions") from error
    except (ValueError, RecursionError) as error:
        raise VlmError(f"{file} is not JSON ({error}): download or export it again") from error
    if not isinstance(data, dict):
        raise _wrong(file, 'it is not an object with "images", "annotations" and "categories"')
    return data


def _wrong(file: Path, what: str) -> VlmError:
    return VlmError(f"{file} is not as COCO has it: {what}. Correct it, or export the data set as COCO again")


def _entries(file: Path, data: dict[str, Any], key: str, **fields: type) -> dict[int, dict[str, Any]]:
    """The list under ``key`` by id, each entry with these fields of these types."""
    entries = data.get(key)
    if not isinstance(entries, list):
        raise _wrong(file, f'its "{key}" are missing or not a list')
    found: dict[int, dict[str, Any]] = {}
    for place, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise _wrong(file, f"{key}[{place}] is not an object")
        for name, kind in fields.items():
            if type(entry.get(name)) is not kind:  # an int must not be a bool
                what = f"should be {kind.__name__}" if name in entry else "is missing"
                raise _wrong(file, f'"{name}" of {key}[{place}] {what}')
        if entry["id"] in found:
            raise _wrong(file, f"two {key} have the id {entry['id']}")
        found[entry["id"]] = entry
    return found


def _extra(file: Path, which: str, entry: dict[str, Any]) -> dict[str, Any]:
    extra = entry.get(EXTRA, {})
    if not isinstance(extra, dict):
        raise _wrong(file, f'"{EXTRA}" of {which} is not an object')
    return extra


def _box(file: Path, which: str, bbox: list[Any], width: int, height: int) -> tuple[float, ...] | None:
    """[x, y, width, height] as corners inside the picture; None for a box without area."""
    good = len(bbox) == 4 and all(type(value) in (int, float) and abs(value) < 1e9 for value in bbox)  # NaN fails
    if not good or min(bbox[2:]) < 0:
        raise _wrong(file, f"the box of {which} is {str(bbox)[:80]}, not four numbers [x, y, width, height]")
    x, y, w, h = (float(value) for value in bbox)
    if x + w == x or y + h == y:
        return None
    box = max(x, 0.0), max(y, 0.0), min(x + w, float(width)), min(y + h, float(height))
    if box[0] >= box[2] or box[1] >= box[3]:
        raise _wrong(file, f"the box of {which}, {bbox}, lies outside its picture of {width}×{height} pixels")
    return box


def _captions(file: Path, images: dict[int, Any]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {number: [] for number in images}
    if not file.exists():
        return found
    for entry in _entries(file, _load(file), "annotations", id=int, image_id=int, caption=str).values():
        if entry["image_id"] not in found:
            raise _wrong(file, f"caption {entry['id']} belongs to image {entry['image_id']}, which is not listed")
        caption = " ".join(entry["caption"].split())
        if not caption:
            raise _wrong(file, f"caption {entry['id']} is empty")
        found[entry["image_id"]].append(caption)
    return found


def _pictures(folder: Path, file: Path, split: str, images: dict[int, dict[str, Any]]) -> dict[int, str]:
    """Where each picture lies. One that lies nowhere, or is said to lie outside the folder, is an error."""
    places = [folder / "images", folder / split, folder, folder / "images" / split]
    found: dict[int, str] = {}
    missing: list[str] = []
    for number, image in images.items():
        name = image["file_name"]
        windows = PureWindowsPath(name)  # knows C:, \\ and / alike: what leaves the folder there is refused everywhere
        if windows.drive or windows.root or ".." in windows.parts:
            raise _wrong(file, f"the picture of image {number}, {name!r}, lies outside the data set")
        path = next((path for path in (place / name for place in places) if os.path.isfile(path)), None)
        if path is None:
            missing.append(name)
        else:
            found[number] = str(path)
    if missing:
        count = f"{len(missing)} of the {len(images)} pictures in {file} are missing, the first is {missing[0]!r}"
        raise VlmError(f"{count}: put them into {places[0]} or {places[1]}")
    return found


def _scene(file: Path, image: dict[str, Any], things: list[Thing], captions: tuple[str, ...], picture: str) -> Scene:
    extra = _extra(file, f"image {image['id']}", image)
    kind, place, odd, shape = (extra.get(key) for key in ("kind", "place", "odd", "shape"))
    size = image["width"], image["height"]
    if kind in (None, "coco"):
        things.sort(key=lambda thing: (thing.box[1], thing.box[0]))
        return Scene("coco", None, tuple(things), size, captions=captions, file=picture)
    names = [thing.name for thing in things if thing.name != "plus"]
    good = kind in KINDS and place in (None, *PLACES) and odd in (None, *names)  # the generator asks about all of it
    good &= bool(names) and all(name in load_objects() for name in names)
    good &= shape in tuple(SHAPES) if kind == "shape" else shape is None
    good &= place is not None if kind == "unusual" else odd is None
    if not good:
        raise _wrong(file, f'the facts under "{EXTRA}" of image {image["id"]} do not fit its things')
    return Scene(kind, place, tuple(things), size, odd=odd, shape=shape, captions=captions, file=picture)
