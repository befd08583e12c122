"""Any picture in, plain RGB out: upright, opaque, eight bits, and never larger than memory."""

from __future__ import annotations

import io
import os
import warnings
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vlmcore.errors import VlmError

LARGEST = 100_000_000  # pixels are refused beyond this: a small file can claim to hold far more ("decompression bomb")
# EPS is not among the formats that are read, because reading it runs code.
FORMATS = ("PNG", "JPEG", "MPO", "GIF", "WEBP", "BMP", "TIFF", "PPM", "JPEG2000", "ICO", "AVIF")

# Of Pillow's filters the one that best turns a scene painted eight times as large into what paint() makes at 64 pixels:
# mean difference inside the things' boxes, of 255, over 150 scenes: BILINEAR 4.9, HAMMING 5.0, BICUBIC 5.2, BOX 5.2,
# LANCZOS 6.1, NEAREST 11.6. (Over all pixels BILINEAR 2.7 and BOX 2.5: thin lines of backgrounds differ by themselves.)
FILTER = Image.Resampling.BILINEAR


def open_picture(source: str | Path | bytes | Image.Image | np.ndarray) -> Image.Image:
    """A picture from a file or its bytes, from Pillow or from an array, as RGB. Errors: VlmError with what to do.

    Turned upright as its EXIF says; of an animation the first frame; transparent parts become white. Values of more
    than eight bits are scaled to 0..255. Arrays: (height, width), or with 1, 3 or 4 channels last; uint8, uint16, bool,
    or floats from 0 to 1.
    """
    if isinstance(source, np.ndarray):
        return _plain(_from_array(source), "the array")
    if isinstance(source, Image.Image):
        return _plain(source, "the picture")
    if isinstance(source, bytes):
        return _read(io.BytesIO(source), "the file")
    if source is None:
        raise VlmError("there is no picture: give a path, a Pillow image or a NumPy array")
    if isinstance(source, (list, tuple)):
        raise VlmError(f"{len(source)} pictures at once are too many: ask about one picture, and then about the next")
    if not isinstance(source, (str, Path)):
        raise VlmError(f"a {type(source).__name__} is not a picture: give a path, a Pillow image or a NumPy array")
    if os.path.isdir(source):
        raise VlmError(f"{source} is a folder: name a picture in it")
    if not os.path.isfile(source):
        raise VlmError(f"there is no picture {source}: check the path; one from the web has to be downloaded first")
    if os.path.getsize(source) == 0:
        raise VlmError(f"{source} is an empty file: copy or download the picture again")
    return _read(source, str(source))


def _read(source: str | Path | BinaryIO, what: str) -> Image.Image:
    Image.init()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large or odd files; what matters is an error below
        try:
            with Image.open(source, formats=[name for name in FORMATS if name in Image.OPEN]) as image:
                return _plain(image, what)
        except Image.DecompressionBombError:
            raise _too_large(what) from None
        except UnidentifiedImageError:
            raise VlmError(f"{what} is not a picture, or a damaged one: save it as PNG or JPEG first") from None
        except VlmError:
            raise
        except Exception as error:  # decoders raise nearly anything
            raise _damaged(what, error) from error


def to_square(image: Image.Image, size: int) -> np.ndarray:
    """The whole picture stretched to size × size, uint8 (size, size, 3): no part is cut off, boxes stay relative."""
    return np.array(image.convert("RGB").resize((size, size), FILTER))


def _plain(image: Image.Image, what: str) -> Image.Image:
    """A new RGB image; the one given stays as it is."""
    pixels = image.width * image.height
    if pixels == 0:
        raise VlmError(f"{what} has no pixels ({image.width}×{image.height}): give one with at least one")
    if pixels > LARGEST:
        raise _too_large(what)
    try:
        image.load()
        with suppress(Exception):  # a damaged EXIF block: the picture as it is stored
            image = ImageOps.exif_transpose(image)
        if image.mode[0] in "IF":  # I;16, I, F
            image = Image.fromarray(_eight_bits(np.asarray(image), what))
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return image.convert("RGB")
    except VlmError:
        raise
    except Exception as error:
        raise _damaged(what, error) from error


def _from_array(values: np.ndarray) -> Image.Image:
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (1, 3, 4)):
        wanted = "(height, width) or (height, width, 1, 3 or 4)"
        raise VlmError(f"an array of shape {values.shape} is not a picture: bring it to {wanted}, colours last")
    if values.size == 0:
        raise VlmError(f"an array of shape {values.shape} has no pixels: give one with at least one")
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.dtype == bool:
        values = values * np.uint8(255)
    elif values.dtype.kind == "f" and values.min() >= 0 and values.max() <= 1:  # NaN fails both
        values = (values.astype(np.float32) * 255).round().astype(np.uint8)
    elif values.dtype == np.uint16:
        values = _eight_bits(values, "the array")
    elif values.dtype != np.uint8:
        raise VlmError(f"an array of {values.dtype} is not a picture: use uint8 from 0 to 255 or floats from 0 to 1")
    return Image.fromarray(np.ascontiguousarray(values))


def _eight_bits(values: np.ndarray, what: str) -> np.ndarray:
    """Deep values to 0..255: from the range they are stored in where that is plain, else from darkest to lightest."""
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise VlmError(f"{what} holds values that are not numbers: replace them, or save it as an 8-bit PNG")
    if values.dtype.itemsize == 2:
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= 65535:
        low, high = 0.0, 1.0 if high <= 1 and values.dtype.kind == "f" else 255.0 if high <= 255 else 65535.0
    return ((values.astype(np.float32) - low) * (255 / (high - low or 1))).round().astype(np.uint8)


def _too_large(what: str) -> VlmError:
    return VlmError(f"{what} has more than {LARGEST // 1_000_000} million pixels: shrink it first")


def _damaged(what: str, error: Exception) -> VlmError:
    return VlmError(f"{what} is damaged or cut off ({' '.join(str(error).split())}): copy or save it again")
