"""Every odd picture becomes plain RGB, and everything else one sentence."""

import io
import re
import struct
import zlib
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image, ImageOps

from vlmcore.errors import VlmError
from vlmcore.pictures import LARGEST, open_picture, to_square
from vlmcore.scenes.world import World

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def scene() -> Image.Image:
    world = World()
    return Image.fromarray(world.paint(world.scene(Random(0))))


def corner(image: Image.Image) -> tuple[int, ...]:
    assert image.mode == "RGB"
    return image.getpixel((0, 0))


def refused(source: object) -> str:
    """The one sentence with which a source is refused."""
    with pytest.raises(VlmError) as error:
        open_picture(source)
    message = str(error.value)
    assert re.search(r"[:;] ", message), "it says what to do"
    assert "\n" not in message and len(message) < 300
    return message


# -- what is read ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "ppm", "webp", "gif", "jpg", "ico"])
def test_formats(tmp_path, suffix):
    path = tmp_path / f"picture.{suffix}"
    options = {"webp": {"lossless": True}, "jpg": {"quality": 95}}.get(suffix, {})
    scene().save(path, **options)
    for source in (path, str(path)):
        image = open_picture(source)
        assert image.mode == "RGB" and image.size == (64, 64)
        assert np.abs(np.asarray(image).astype(int) - np.asarray(scene())).mean() < (
            6 if suffix in ("gif", "jpg") else 1e-9
        )


def test_a_wrong_suffix_does_not_matter(tmp_path):
    scene().save(tmp_path / "really_png.jpg", "png")
    assert np.array_equal(open_picture(tmp_path / "really_png.jpg"), scene())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_turned_upright(tmp_path, orientation):
    """A file stored so that a viewer that obeys the EXIF shows the scene as it is."""
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    upright = scene().crop((0, 0, 64, 40))
    stored = upright if undo is None else upright.transpose(Image.Transpose(undo))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "photo.png", exif=exif)
    assert np.array_equal(open_picture(tmp_path / "photo.png"), upright)
    assert np.array_equal(open_picture(Image.open(tmp_path / "photo.png")), upright)


@pytest.mark.parametrize("exif", [b"", b"Exif\x00\x00garbage", b"Exif\x00\x00II*\x00\xff\xff\xff\xff" + b"\x12" * 20])
def test_a_damaged_exif_block_does_not_spoil_the_picture(tmp_path, exif):
    scene().save(tmp_path / "photo.jpg", exif=exif)
    assert open_picture(tmp_path / "photo.jpg").size == (64, 64)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tiff"])
def test_the_first_frame_of_an_animation(tmp_path, suffix):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    frames[0].save(tmp_path / f"film.{suffix}", save_all=True, append_images=frames[1:])
    red, green, _ = corner(open_picture(tmp_path / f"film.{suffix}"))
    assert red > 240 and green < 15


def grey(mode: str, value: float) -> Image.Image:
    return Image.new(mode, (4, 4), value)


def with_palette(transparent: int | bytes | None) -> Image.Image:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([*BLUE, *RED])
    if transparent is not None:
        image.info["transparency"] = transparent
    return image


ODD = {
    "RGB": (Image.new("RGB", (4, 4), RED), RED),
    "RGBA opaque": (Image.new("RGBA", (4, 4), (*RED, 255)), RED),
    "RGBA transparent": (Image.new("RGBA", (4, 4), (*RED, 0)), WHITE),
    "RGBA half": (Image.new("RGBA", (4, 4), (*RED, 128)), (255, 127, 127)),
    "RGBa": (Image.new("RGBA", (4, 4), (*RED, 0)).convert("RGBa"), WHITE),
    "LA transparent": (Image.new("LA", (4, 4), (0, 0)), WHITE),
    "LA opaque": (Image.new("LA", (4, 4), (7, 255)), (7, 7, 7)),
    "PA": (with_palette(None).convert("PA"), RED),
    "P": (with_palette(None), RED),
    "P transparent colour": (with_palette(1), WHITE),
    "P other colour transparent": (with_palette(0), RED),
    "P with opacities": (with_palette(bytes([255, 0])), WHITE),
    "1 white": (grey("1", 1), WHITE),
    "1 black": (grey("1", 0), (0, 0, 0)),
    "L": (grey("L", 90), (90, 90, 90)),
    "I;16": (grey("I;16", 90 * 257), (90, 90, 90)),
    "I of 8 bits": (grey("I", 90), (90, 90, 90)),
    "I of 16 bits": (grey("I", 90 * 257), (90, 90, 90)),
    "F from 0 to 1": (grey("F", 0.4), (102, 102, 102)),
    "F from 0 to 255": (grey("F", 90.0), (90, 90, 90)),
    "CMYK": (Image.new("RGB", (4, 4), RED).convert("CMYK"), RED),
    "YCbCr": (Image.new("YCbCr", (4, 4), (90, 128, 128)), (90, 90, 90)),
    "HSV": (Image.new("HSV", (4, 4), (0, 255, 255)), RED),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_modes(case):
    image, colour = ODD[case]
    before = image.copy()
    assert corner(open_picture(image)) == colour
    assert image == before and image.mode == before.mode  # the one given is left alone


@pytest.mark.parametrize(
    "case", ["RGBA half", "LA transparent", "P transparent colour", "P with opacities", "I;16", "1 white"]
)
def test_odd_modes_from_a_png(tmp_path, case):
    image, colour = ODD[case]
    image.save(tmp_path / "odd.png", **{k: v for k, v in image.info.items() if k == "transparency"})
    assert corner(open_picture(tmp_path / "odd.png")) == colour


def test_a_colour_key_is_transparent(tmp_path):
    Image.new("RGB", (4, 4), RED).save(tmp_path / "key.png", transparency=RED)
    assert corner(open_picture(tmp_path / "key.png")) == WHITE


def test_a_cmyk_jpeg(tmp_path):
    Image.new("RGB", (16, 16), RED).convert("CMYK").save(tmp_path / "print.jpg")
    red, green, blue = corner(open_picture(tmp_path / "print.jpg"))
    assert red > 230 and green < 25 and blue < 25


def test_a_16_bit_colour_png():
    """Pillow cannot write one: two pixels by hand, red and green."""
    rows = b"\0" + struct.pack(">6H", 65535, 0, 0, 0, 65535, 0)
    image = open_picture(Image.open(io.BytesIO(png(2, 1, rows, depth=16))))
    assert [image.getpixel((x, 0)) for x in (0, 1)] == [RED, GREEN]


def test_deep_values_are_stretched_where_their_range_is_unknown():
    depths = Image.fromarray(np.array([[-1000.0, 0.0, 1000.0]], dtype=np.float32))
    assert [open_picture(depths).getpixel((x, 0))[0] for x in range(3)] == [0, 128, 255]
    assert corner(open_picture(grey("F", -3.0))) == (0, 0, 0)


@pytest.mark.parametrize(
    ("values", "colour"),
    [
        (np.full((2, 3, 3), RED, np.uint8), RED),
        (np.full((2, 3, 4), (*RED, 0), np.uint8), WHITE),
        (np.full((2, 3, 1), 9, np.uint8), (9, 9, 9)),
        (np.full((2, 3), 9, np.uint8), (9, 9, 9)),
        (np.ones((2, 3), bool), WHITE),
        (np.full((2, 3, 3), (1.0, 0, 0)), RED),
        (np.full((2, 3, 3), (1, 0, 0), np.float16), RED),
        (np.full((2, 3), 0.4, np.float32), (102, 102, 102)),
        (np.full((2, 3, 3), (65535, 0, 0), np.uint16), RED),
        (np.full((3, 2, 3), RED, np.uint8).transpose(1, 0, 2)[:, ::-1], RED),
    ],
)
def test_arrays(values, colour):
    image = open_picture(values)
    assert image.size == (3, 2) and corner(image) == colour


# -- what is refused -------------------------------------------------------------------------------------------------


def png(width: int, height: int, rows: bytes, depth: int = 8) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


FILES = {
    "empty.png": (b"", "empty file"),
    "words.png": (b"this is not a picture", "not a picture"),
    "page.html": (b"<!doctype html><html><body>404</body></html>", "not a picture"),
    "drawing.svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not a picture"),
    "print.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n", "not a picture"),
    "zeros.png": (bytes(500), "not a picture"),
    "signature.png": (b"\x89PNG\r\n\x1a\n", "not a picture"),
    "bomb.png": (png(50_000, 50_000, b"\0"), "more than 100 million pixels"),
    "large.png": (png(10_001, 10_000, b"\0"), "more than 100 million pixels"),
    "larger.png": (png(13_000, 13_000, b"\0"), "more than 100 million pixels"),
    "spoilt.png": (png(2, 2, bytes(14)).replace(b"IDAT\x78", b"IDAT\x00"), "damaged or cut off"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.filterwarnings("error")  # one sentence, and no warning beside it
def test_files_that_are_no_pictures(tmp_path, name):
    content, reason = FILES[name]
    (tmp_path / name).write_bytes(content)
    message = refused(tmp_path / name)
    assert str(tmp_path / name) in message and reason in message
    alone = refused(content)  # its bytes, as an upload brings them
    assert "the file" in alone and (reason in alone or not content)


def test_one_picture_at_a_time_and_not_none():
    assert "there is no picture" in refused(None)
    assert "2 pictures at once" in refused([scene(), scene()]) and "2 pictures at once" in refused((scene(), scene()))


def test_paths_that_are_no_files(tmp_path):
    assert "there is no picture" in refused(tmp_path / "none.png")
    assert "there is no picture" in refused("https://example.com/cat.jpg")
    assert "there is no picture" in refused("a" * 200 + "\0")
    assert "there is no picture" in refused("")
    assert "is a folder" in refused(tmp_path)
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere.png")
    assert "there is no picture" in refused(str(tmp_path / "dangling.png"))


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "bmp", "tiff"])
def test_files_cut_off_or_changed_anywhere(tmp_path, suffix):
    """At every tenth of its length: a picture of the right size or one sentence, nothing else."""
    path, random = tmp_path / f"cut.{suffix}", Random(0)
    scene().save(path)
    content = path.read_bytes()
    for tenth in range(1, 10):
        path.write_bytes(content[: len(content) * tenth // 10])
        assert str(path) in refused(path)
    refusals = 0
    for _ in range(60):
        changed = bytearray(content)
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
        path.write_bytes(changed)
        try:
            assert open_picture(path).mode == "RGB"
        except VlmError:
            refusals += 1
    assert refusals < 60


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.zeros((0, 5, 3), np.uint8), "no pixels"),
        (np.zeros((5, 0), np.uint8), "no pixels"),
        (np.zeros((3, 8, 8), np.uint8), "colours last"),
        (np.zeros((8, 8, 2), np.uint8), "colours last"),
        (np.zeros((8, 8, 3, 1), np.uint8), "colours last"),
        (np.zeros(8, np.uint8), "colours last"),
        (np.zeros((), np.uint8), "colours last"),
        (np.full((8, 8, 3), 255.0), "floats from 0 to 1"),
        (np.full((8, 8), -0.1), "floats from 0 to 1"),
        (np.full((8, 8), np.nan), "floats from 0 to 1"),
        (np.full((8, 8), np.inf, np.float32), "floats from 0 to 1"),
        (np.zeros((8, 8, 3), np.int64), "int64"),
        (np.zeros((8, 8), complex), "complex128"),
        (np.full((8, 8), "x"), "<U1"),
        (np.full((8, 8), None), "object"),
    ],
)
def test_arrays_that_are_no_pictures(values, reason):
    assert reason in refused(values)


def test_other_things_that_are_no_pictures():
    assert "a dict is not a picture" in refused({})
    assert "bytearray" in refused(bytearray(b"\x89PNG"))
    assert "no pixels" in refused(Image.new("RGB", (0, 5)))
    assert "not numbers" in refused(Image.fromarray(np.array([[1.0, np.nan]], np.float32)))


def test_a_picture_at_the_limit_is_read_and_a_larger_one_is_not(monkeypatch):
    assert LARGEST == 100_000_000
    monkeypatch.setattr("vlmcore.pictures.LARGEST", 100)
    assert open_picture(Image.new("L", (10, 10))).size == (10, 10)
    assert "pixels: shrink it" in refused(Image.new("L", (101, 1)))
    assert "pixels: shrink it" in refused(np.zeros((1, 101), np.uint8))


# -- squares ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(64, 64), (640, 480), (3, 200), (1, 1)])
def test_squares(size):
    square = to_square(Image.new("RGB", size, RED), 64)
    assert square.shape == (64, 64, 3) and square.dtype == np.uint8 and square.flags.writeable
    assert (square == RED).all()


def test_a_painted_scene_stays_as_it_is():
    assert np.array_equal(to_square(scene(), 64), scene())


def test_a_square_shows_the_whole_picture():
    image = ImageOps.expand(Image.new("RGB", (400, 100), RED), 50, BLUE)
    square = to_square(image, 50)
    assert square[0, 0].tolist() == square[-1, -1].tolist() == list(BLUE) and square[25, 25].tolist() == list(RED)


def test_a_scene_painted_larger_shrinks_to_what_is_painted_small():
    """The filter is the best of Pillow's for that (see FILTER)."""
    world, random = World(), Random(1)
    difference = dict.fromkeys(("ours", "box", "lanczos"), 0.0)
    for _ in range(15):
        made = world.scene(random)
        small, large = world.paint(made).astype(int), Image.fromarray(world.paint(made, 8))
        shown = np.zeros((64, 64), bool)
        for thing in made.things:
            x0, y0, x1, y1 = map(round, thing.box)
            shown[y0:y1, x0:x1] = True
        squares = {
            "ours": to_square(large, 64),
            "box": np.asarray(large.resize((64, 64), Image.Resampling.BOX)),
            "lanczos": np.asarray(large.resize((64, 64), Image.Resampling.LANCZOS)),
        }
        for name, square in squares.items():
            difference[name] += np.abs(square - small)[shown].mean() / 15
    assert difference["ours"] == min(difference.values()) < 6


def test_no_file_stays_open(tmp_path):
    scene().save(tmp_path / "a.png")
    open_picture(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "b.png")
    Path(tmp_path / "b.png").unlink()
