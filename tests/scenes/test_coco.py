"""COCO's format as COCO documents it, there and back; and one sentence for whatever is not that."""

import json
import os
import re
from collections import Counter
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vlmcore.errors import VlmError
from vlmcore.pictures import open_picture
from vlmcore.scenes.coco import read_coco, write_coco
from vlmcore.scenes.mix import TASK_WEIGHTS
from vlmcore.scenes.objects import DATA
from vlmcore.scenes.questions import QuestionGenerator
from vlmcore.scenes.scene import Scene, Thing, visible_share
from vlmcore.scenes.word_map import word_map
from vlmcore.scenes.world import World

WORLD = World()
QUESTIONS = QuestionGenerator(WORLD)


def made(count: int = 12, seed: int = 0) -> list[Scene]:
    random = Random(seed)
    kinds = ("scatter", "hidden", "sum", "unusual", "shape", None)
    return [WORLD.scene(random, kinds[i % len(kinds)]) for i in range(count)]


def known(scene: Scene, scale: float = 1) -> tuple:
    """What of a scene the round trip keeps."""
    things = [(t.name, tuple(round(value * scale, 9) for value in t.box)) for t in scene.things]
    size = tuple(side * scale for side in scene.size)
    return scene.kind, scene.place, scene.odd, scene.shape, size, things


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("coco")
    write_coco(folder, made(), WORLD, QUESTIONS, scale=2)
    return folder


def load(folder: Path, name: str) -> Any:
    return json.loads((folder / "annotations" / name).read_text(encoding="utf-8"))


# -- our own scenes --------------------------------------------------------------------------------------------------


def test_round_trip(written):
    scenes, back = made(), read_coco(written)
    assert [known(scene) for scene in back] == [known(scene, scale=2) for scene in scenes]
    for scene, ours in zip(scenes, back):
        assert all(type(value) is float for thing in ours.things for value in thing.box)
        assert ours.captions == tuple(text for text in QUESTIONS.captions(scene) if "[[" not in text)
        assert np.array_equal(open_picture(ours.file), WORLD.paint(scene, scale=2))
        shares = [[visible_share(made, i) for i in range(len(made.things))] for made in (scene, ours)]
        assert shares[0] == pytest.approx(shares[1], abs=0.15)  # pixels are counted, and one has more of them
        (cells, boxes), (cells_made, boxes_made) = word_map(ours), word_map(scene)
        assert cells == cells_made and [box is None for box in boxes] == [box is None for box in boxes_made]
        assert all(box is None or box == pytest.approx(made) for box, made in zip(boxes, boxes_made))


def test_the_same_is_asked_about_what_was_read_as_about_what_was_made(written):
    for scene, ours in zip(made(), read_coco(written)):
        for task in set(TASK_WEIGHTS) - {"caption"}:
            assert getattr(QUESTIONS, task)(ours, Random(1)) == getattr(QUESTIONS, task)(scene, Random(1))


def test_written_again_the_files_are_the_same(written, tmp_path):
    write_coco(tmp_path, made(), WORLD, QUESTIONS, scale=2)
    files = sorted(path.relative_to(written) for path in written.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert all((written / path).read_bytes() == (tmp_path / path).read_bytes() for path in files)


def test_scenes_that_were_not_painted_are_not_written(tmp_path):
    photo = Scene("coco", None, (Thing("person", (0.0, 0.0, 9.0, 9.0)),))
    with pytest.raises(VlmError, match="scene 1 was not painted"):
        write_coco(tmp_path, [photo], WORLD, QUESTIONS)
    assert not (tmp_path / "annotations").exists()


# -- the schema (https://cocodataset.org/#format-data) ----------------------------------------------------------------

INFO = {"year": int, "version": str, "description": str, "contributor": str, "url": str, "date_created": str}
LICENSE = {"id": int, "name": str, "url": str}
IMAGE = {"id": int, "width": int, "height": int, "file_name": str, "license": int}
IMAGE |= {"flickr_url": str, "coco_url": str, "date_captured": str}
OBJECT = {
    "id": int,
    "image_id": int,
    "category_id": int,
    "segmentation": list,
    "area": float,
    "bbox": list,
    "iscrowd": int,
}
CAPTION = {"id": int, "image_id": int, "caption": str}
CATEGORY = {"id": int, "name": str, "supercategory": str}


def fits(entry: dict[str, Any], fields: dict[str, type]) -> bool:
    return {name: type(value) for name, value in entry.items() if name != "vlmcore"} == fields


def test_schema(written):
    instances, captions = load(written, "instances_train.json"), load(written, "captions_train.json")
    assert set(instances) == {"info", "licenses", "images", "annotations", "categories"}
    assert set(captions) == {"info", "licenses", "images", "annotations"}
    for data in (instances, captions):
        assert fits(data["info"], INFO)
        assert all(fits(entry, LICENSE) for entry in data["licenses"])
        assert all(fits(entry, IMAGE) for entry in data["images"])
        assert {entry["license"] for entry in data["images"]} <= {entry["id"] for entry in data["licenses"]}
    assert all(fits(entry, OBJECT) for entry in instances["annotations"])
    assert all(fits(entry, CATEGORY) for entry in instances["categories"])
    assert all(fits(entry, CAPTION) for entry in captions["annotations"])
    for data, key in [(instances, k) for k in ("images", "annotations", "categories")] + [(captions, "annotations")]:
        ids = [entry["id"] for entry in data[key]]
        assert len(set(ids)) == len(ids) and min(ids) == 1


def test_annotations_agree_with_the_pictures(written):
    data = load(written, "instances_train.json")
    images = {image["id"]: image for image in data["images"]}
    assert [image["file_name"] for image in data["images"]][:2] == ["000000000001.png", "000000000002.png"]
    for image in images.values():
        with Image.open(written / "images" / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"]) == (128, 128)
    for entry in data["annotations"]:
        x, y, w, h = entry["bbox"]
        assert x >= 0 and y >= 0 and w > 0 and h > 0 and max(x + w, y + h) <= 128 + 1e-9
        (polygon,) = entry["segmentation"]
        xs, ys = polygon[::2], polygon[1::2]
        assert [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)] == entry["bbox"]
        shoelace = sum(xs[i - 1] * ys[i] - xs[i] * ys[i - 1] for i in range(len(xs))) / 2
        assert abs(shoelace) == pytest.approx(entry["area"]) and entry["area"] == w * h and entry["iscrowd"] == 0
    assert {entry["name"]: entry["supercategory"] for entry in data["categories"]} == {
        name: item.kind for name, item in WORLD.objects.items()
    } | {"plus": "sign"}


# -- the sample in data/ ---------------------------------------------------------------------------------------------


def test_the_sample_is_what_its_documentation_makes(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (DATA / "README.md").read_text(encoding="utf-8"), re.S)
    (code,) = (block for block in blocks if "write_coco" in block)
    exec(code.replace("data/coco_sample", tmp_path.as_posix()), {})
    for name in ("instances_train.json", "captions_train.json"):
        assert load(tmp_path, name) == load(DATA / "coco_sample", name)
    again, sample = read_coco(tmp_path), read_coco(DATA / "coco_sample")
    for ours, theirs in zip(again, sample, strict=True):
        difference = np.abs(np.asarray(open_picture(ours.file), int) - np.asarray(open_picture(theirs.file)))
        assert difference.mean() < 1  # another Pillow may round otherwise
    assert {scene.kind for scene in sample} == {"scatter", "hidden", "sum", "unusual", "shape"}
    assert len({scene.place for scene in sample}) >= 8
    assert sum(path.stat().st_size for path in (DATA / "coco_sample").rglob("*.*")) < 300_000


# -- photos ----------------------------------------------------------------------------------------------------------

INSTANCES = {
    "info": {"year": 2017},
    "licenses": [],
    "images": [
        {"id": 139, "width": 640, "height": 426, "file_name": "000000000139.jpg", "coco_url": "http://…", "license": 3},
        {"id": 285, "width": 586, "height": 640, "file_name": "000000000285.jpg"},
    ],
    "categories": [{"id": 1, "name": "person"}, {"id": 64, "name": "potted plant", "supercategory": "furniture"}],
    "annotations": [
        {"id": 7, "image_id": 139, "category_id": 64, "bbox": [236.98, 142.51, 24.7, 69.5], "iscrowd": 0, "area": 5.2},
        {
            "id": 8,
            "image_id": 139,
            "category_id": 1,
            "bbox": [600, 20.25, 60, 500],
            "segmentation": [[1, 2, 3, 4, 5, 6]],
        },
        {
            "id": 9,
            "image_id": 139,
            "category_id": 1,
            "bbox": [0, 0, 640, 426],
            "iscrowd": 1,
            "segmentation": {"counts": [0]},
        },
        {
            "id": 918,
            "image_id": 139,
            "category_id": 1,
            "bbox": [296.65, 388.33, 1.03, 0.0],
            "iscrowd": 0,
        },  # in train2017
        {"id": 5, "image_id": 139, "category_id": 1, "bbox": [-3.5, 20.25, 13.5, 9], "iscrowd": 0},
    ],
}
CAPTIONS = {
    "images": INSTANCES["images"],
    "annotations": [
        {"id": 1, "image_id": 139, "caption": "A plant in\n a room. "},
        {"id": 2, "image_id": 139, "caption": "Two people beside a plant."},
    ],
}


def photos(folder: Path, instances: Any = INSTANCES, captions: Any = CAPTIONS, split: str = "val2017") -> Path:
    """A folder as COCO's downloads unpack to. The pictures are no pictures: reading must not open them."""
    for path, content in {
        folder / "annotations" / f"instances_{split}.json": instances,
        folder / "annotations" / f"captions_{split}.json": captions,
        folder / split / "000000000139.jpg": b"not opened",
        folder / split / "000000000285.jpg": b"not opened",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return folder


def test_photos(tmp_path):
    first, second = read_coco(photos(tmp_path))
    assert (first.kind, first.place, first.size) == ("coco", None, (640, 426))
    assert first.captions == ("A plant in a room.", "Two people beside a plant.")
    assert first.file == str(tmp_path / "val2017" / "000000000139.jpg")
    names_and_boxes = [(thing.name, thing.box) for thing in first.things]
    assert names_and_boxes == [  # from top to bottom, cut at the edges; no crowd, nothing without area
        ("person", (0.0, 20.25, 10.0, 29.25)),
        ("person", (600.0, 20.25, 640.0, 426.0)),
        ("potted plant", (236.98, 142.51, pytest.approx(261.68), pytest.approx(212.01))),
    ]
    assert second == Scene("coco", None, (), (586, 640), file=str(tmp_path / "val2017" / "000000000285.jpg"))


def test_every_split_is_read_and_captions_may_be_absent(tmp_path):
    photos(tmp_path, split="val2017")
    photos(tmp_path, split="train2017", captions=None)
    scenes = read_coco(tmp_path)
    assert [Path(scene.file).parent.name for scene in scenes] == ["train2017"] * 2 + ["val2017"] * 2
    assert [len(scene.captions) for scene in scenes] == [0, 0, 2, 0]


@pytest.mark.parametrize("place", ["images", ".", "val2017", "images/val2017"])
def test_where_pictures_may_lie(tmp_path, place):
    photos(tmp_path / "made")
    (tmp_path / "data").mkdir()
    (tmp_path / "made" / "annotations").rename(tmp_path / "data" / "annotations")
    (tmp_path / "data" / place).parent.mkdir(parents=True, exist_ok=True)
    if place == ".":
        for path in (tmp_path / "made" / "val2017").iterdir():
            path.rename(tmp_path / "data" / path.name)
    else:
        (tmp_path / "made" / "val2017").rename(tmp_path / "data" / place)
    assert {Path(scene.file).parent for scene in read_coco(tmp_path / "data")} == {tmp_path / "data" / place}


def test_file_names_may_hold_folders_and_json_a_byte_order_mark(tmp_path):
    instances = deepcopy(INSTANCES)
    for image in instances["images"]:
        image["file_name"] = f"val2017/{image['file_name']}"
    photos(tmp_path, instances=b"\xef\xbb\xbf" + json.dumps(instances).encode())
    assert len(read_coco(tmp_path)) == 2


def test_photos_are_asked_about(tmp_path):
    scene = read_coco(photos(tmp_path))[0]
    questions, random = QuestionGenerator(WORLD, annotated=["person", "potted plant", "umbrella"]), Random(0)
    tasks = Counter(task for task in TASK_WEIGHTS for _ in range(50) if getattr(questions, task)(scene, random))
    assert set(tasks) >= {"caption", "count", "exists", "box"}
    assert not set(tasks) & {"background", "colour", "suppose", "sum", "unusual", "shape", "describe"}


# -- what is not COCO ------------------------------------------------------------------------------------------------


def change(*path: Any, to: Any = None) -> dict[str, Any]:
    """INSTANCES with one value replaced, or taken out."""
    data = deepcopy(INSTANCES)
    inner = data
    for step in path[:-1]:
        inner = inner[step]
    if to is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return data


def box(*values: Any) -> dict[str, Any]:
    return change("annotations", 0, "bbox", to=list(values))


def extra(**facts: Any) -> dict[str, Any]:
    return change("images", 0, "vlmcore", to=facts)


TWICE = [INSTANCES["annotations"][0]] * 2
MALFORMED = {
    "empty file": (b"", "is not JSON"),
    "cut off": (json.dumps(INSTANCES).encode()[:-40], "is not JSON"),
    "binary": (b"\x89PNG\r\n\x1a\n\xff\xfe", "is not JSON"),
    "deep": (b"[" * 200_000, "is not JSON"),
    "list": ([], "not an object"),
    "null": (b"null", "not an object"),
    "no images": (change("images"), '"images" are missing'),
    "no annotations": (change("annotations"), '"annotations" are missing'),
    "no categories": (change("categories"), '"categories" are missing'),
    "images as object": (change("images", to={"139": {}}), '"images" are missing or not a list'),
    "empty": (change("images", to=[]), "lists no images"),
    "image as text": (change("images", 1, to="000000000285.jpg"), "images[1] is not an object"),
    "image without id": (change("images", 0, "id"), '"id" of images[0] is missing'),
    "image without width": (change("images", 1, "width"), '"width" of images[1] is missing'),
    "image without name": (change("images", 1, "file_name"), '"file_name" of images[1] is missing'),
    "image id as text": (change("images", 0, "id", to="139"), '"id" of images[0] should be int'),
    "image id as bool": (change("images", 0, "id", to=True), '"id" of images[0] should be int'),
    "width as text": (change("images", 0, "width", to="640"), '"width" of images[0] should be int'),
    "name as number": (change("images", 0, "file_name", to=139), '"file_name" of images[0] should be str'),
    "no width": (change("images", 0, "width", to=0), "image 139 is 0×426"),
    "negative height": (change("images", 0, "height", to=-4), "image 139 is 640×-4"),
    "image twice": (change("images", 1, "id", to=139), "two images have the id 139"),
    "category without name": (change("categories", 0, "name"), '"name" of categories[0] is missing'),
    "category twice": (change("categories", 0, "id", to=64), "two categories have the id 64"),
    "annotation as list": (change("annotations", 0, to=[1]), "annotations[0] is not an object"),
    "annotation twice": (change("annotations", to=TWICE), "two annotations have the id 7"),
    "annotation without box": (change("annotations", 0, "bbox"), '"bbox" of annotations[0] is missing'),
    "annotation without image": (change("annotations", 0, "image_id"), '"image_id" of annotations[0] is missing'),
    "unknown image": (change("annotations", 0, "image_id", to=140), "annotation 7 belongs to image 140"),
    "image as list": (change("annotations", 0, "image_id", to=[139]), '"image_id" of annotations[0] should be int'),
    "unknown category": (change("annotations", 0, "category_id", to=2), "annotation 7 is of category 2"),
    "crowd as text": (change("annotations", 0, "iscrowd", to="no"), '"iscrowd" of annotation 7'),
    "box as text": (change("annotations", 0, "bbox", to="1 2 3 4"), '"bbox" of annotations[0] should be list'),
    "box of three": (box(1, 2, 3), "the box of annotation 7 is [1, 2, 3]"),
    "box of texts": (box("1", "2", "3", "4"), "the box of annotation 7"),
    "box of bools": (box(1, 2, True, 4), "the box of annotation 7"),
    "box nested": (box([1], [2], [3], [4]), "the box of annotation 7"),
    "negative width": (box(10, 10, -5, 5), "the box of annotation 7 is [10, 10, -5, 5]"),
    "height below zero": (box(10, 10, 5, -0.5), "the box of annotation 7"),
    "NaN": (box(10, 10, float("nan"), 5), "the box of annotation 7"),
    "infinite": (box(10, 10, float("inf"), 5), "the box of annotation 7"),
    "huge": (box(10, 10, 10**400, 5), "the box of annotation 7"),
    "box to the right": (box(700, 10, 5, 5), "lies outside its picture of 640×426"),
    "box above": (box(10, -10, 5, 5), "lies outside its picture"),
    "crowd outside": (change("annotations", 2, "bbox", to=[640, 426, 9, 9]), "of annotation 9, [640, 426, 9, 9], lies"),
    "extra as list": (change("images", 0, "vlmcore", to=[1]), '"vlmcore" of image 139 is not an object'),
    "unknown kind": (extra(kind="movie", place="sea"), 'under "vlmcore" of image 139'),
    "kind as list": (extra(kind=["sum"], place="sea"), 'under "vlmcore" of image 139'),
    "place as list": (extra(kind="scatter", place=["sea"]), 'under "vlmcore" of image 139'),
    "shape as list": (extra(kind="shape", place="sea", shape=[]), 'under "vlmcore" of image 139'),
    "photo said to be a scene": (extra(kind="scatter", place="sea"), 'under "vlmcore" of image 139'),
    "absolute": (change("images", 0, "file_name", to="/etc/passwd"), "lies outside the data set"),
    "climbing": (change("images", 0, "file_name", to="../../139.jpg"), "lies outside the data set"),
}  # fmt: skip
BAD_CAPTIONS = {
    "not JSON": (b"{", "is not JSON"),
    "list": ([], "not an object"),
    "no annotations": ({"images": []}, '"annotations" are missing'),
    "no caption": ({"annotations": [{"id": 1, "image_id": 139}]}, '"caption" of annotations[0] is missing'),
    "number": (
        {"annotations": [{"id": 1, "image_id": 139, "caption": 5}]},
        '"caption" of annotations[0] should be str',
    ),
    "unknown image": ({"annotations": [{"id": 1, "image_id": 1, "caption": "x"}]}, "caption 1 belongs to image 1"),
    "empty": ({"annotations": [{"id": 1, "image_id": 139, "caption": " \n"}]}, "caption 1 is empty"),
    "twice": ({"annotations": [{"id": 1, "image_id": 139, "caption": "x"}] * 2}, "two annotations have the id 1"),
}


OUTSIDE = [
    "C:139.jpg",
    "C:\\139.jpg",
    "c:/139.jpg",
    "\\139.jpg",
    "..\\139.jpg",
    "a\\..\\..\\139.jpg",
    "\\\\host\\disk\\139.jpg",
]


def refused(folder: Path) -> str:
    with pytest.raises(VlmError) as error:
        read_coco(folder)
    message = str(error.value)
    assert "\n" not in message and len(message) < 500
    assert re.search(r"(: |\. )(Correct|Check|download|put|name)", message), "it says what to do"
    return message


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_instances(tmp_path, case):
    content, reason = MALFORMED[case]
    message = refused(photos(tmp_path, instances=content))
    assert str(tmp_path / "annotations" / "instances_val2017.json") in message and reason in message


@pytest.mark.parametrize("case", BAD_CAPTIONS)
def test_malformed_captions(tmp_path, case):
    content, reason = BAD_CAPTIONS[case]
    message = refused(photos(tmp_path, captions=content))
    assert str(tmp_path / "annotations" / "captions_val2017.json") in message and reason in message


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_leaves_the_folder_on_windows_is_refused_everywhere(tmp_path, name):
    photos(tmp_path, instances=change("images", 0, "file_name", to=name))
    if os.name == "posix" and "/" not in name:  # a name like any other
        (tmp_path / "val2017" / name).write_bytes(b"not opened")
    assert "lies outside the data set" in refused(tmp_path)


def test_dots_alone_do_not_leave_the_folder(tmp_path):
    photos(tmp_path, instances=change("images", 0, "file_name", to="a..b.jpg"))
    (tmp_path / "val2017" / "a..b.jpg").write_bytes(b"not opened")
    assert len(read_coco(tmp_path)) == 2


def test_missing_pictures_are_counted_and_the_first_is_named(tmp_path):
    photos(tmp_path)
    (tmp_path / "val2017" / "000000000285.jpg").unlink()
    assert "1 of the 2 pictures" in refused(tmp_path)
    (tmp_path / "val2017" / "000000000139.jpg").unlink()
    message = refused(tmp_path)
    assert "2 of the 2 pictures" in message and "'000000000139.jpg'" in message
    assert str(tmp_path / "images") in message and str(tmp_path / "val2017") in message
    (tmp_path / "val2017" / "000000000139.jpg").mkdir()
    assert "2 of the 2 pictures" in refused(tmp_path)


def test_folders_that_are_no_data_set(tmp_path):
    for folder in (tmp_path, tmp_path / "none", photos(tmp_path / "x") / "annotations"):
        assert f"{folder} holds no annotations/instances_*.json" in refused(folder)
    (tmp_path / "file").write_bytes(b"")
    assert "holds no annotations" in refused(tmp_path / "file")
    (tmp_path / "odd" / "annotations" / "instances_val.json").mkdir(parents=True)
    assert "cannot read" in refused(tmp_path / "odd")


@pytest.mark.parametrize(
    "facts",
    [
        {"place": "moon"}, {"place": 7}, {"kind": "unusual", "place": None}, {"odd": "unicorn"}, {"shape": "heart"},
        {"kind": "shape", "shape": "blob"},
    ],
)  # fmt: skip
def test_facts_of_our_own_that_do_not_fit(written, tmp_path, facts):
    data = load(written, "instances_train.json")
    data["images"][0]["vlmcore"] |= facts
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "instances_train.json").write_text(json.dumps(data), encoding="utf-8")
    (tmp_path / "images").symlink_to(written / "images")
    assert 'under "vlmcore" of image 1' in refused(tmp_path)
