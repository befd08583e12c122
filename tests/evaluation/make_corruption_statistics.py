"""Make corruption_statistics.json: what the authors' own script for ImageNet-C does to corruption_pictures.png.

    python -m venv /tmp/oracle && /tmp/oracle/bin/pip install scikit-image opencv-python wand   # and ImageMagick
    /tmp/oracle/bin/python tests/evaluation/make_corruption_statistics.py make_tinyimagenet_c.py

The script is ImageNet-C/create_c/make_tinyimagenet_c.py from github.com/hendrycks/robustness (commit 8190fe3). Its
functions run as they are; only names that its libraries have dropped since are handed back to it (see ``load``).
Their results are rounded to whole levels, not cut. It takes some three minutes.
The numbers in the file are from scikit-image 0.26, opencv 5.0, SciPy 1.17 and ImageMagick 6.9.11.
"""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import numpy as np
from PIL import Image

FILE = Path(__file__).with_name("corruption_statistics.json")
SHEET = Path(__file__).with_name("corruption_pictures.png")  # twelve scenes as the world once painted them
SEVERITIES = (1, 3, 5)
REPEATS = 20  # of each random corruption
THEIR_NAMES = {"elastic": "elastic_transform", "jpeg": "jpeg_compression"}  # where they differ from ours
MEASURES = ("change", "mean R", "mean G", "mean B", "spread R", "spread G", "spread B", "across", "down")


def pictures() -> list[np.ndarray]:
    """The sheet's twelve, 64 pixels a side: they stay what they are, or the statistics would no longer be theirs."""
    sheet = np.array(Image.open(SHEET))
    return [sheet[y : y + 64, x : x + 64] for y in range(0, sheet.shape[0], 64) for x in range(0, sheet.shape[1], 64)]


def measure(clean: np.ndarray, damaged: np.ndarray) -> np.ndarray:
    """The MEASURES, in levels of 255: how far values moved, their mean and spread, the steps between neighbours."""
    clean, damaged = clean.astype(float), damaged.astype(float)
    steps = [abs(np.diff(damaged, axis=axis)).mean() for axis in (1, 0)]
    return np.array([abs(damaged - clean).mean(), *damaged.mean((0, 1)), *damaged.std((0, 1)), *steps])


def load(script: Path) -> dict:
    """The script's functions by name: its middle part, run where today's libraries look like those of 2018."""
    import scipy.ndimage
    import skimage.filters

    gaussian = skimage.filters.gaussian
    sys.modules["scipy.ndimage.interpolation"] = scipy.ndimage
    skimage.filters.gaussian = lambda image, sigma, multichannel=False, **rest: gaussian(
        image, sigma, channel_axis=-1 if multichannel else None, **rest
    )
    numpy = types.SimpleNamespace(**{name: getattr(np, name) for name in dir(np) if not name.startswith("_")})
    numpy.float_, numpy.fromstring = np.float64, np.frombuffer
    text = script.read_text(encoding="utf-8")
    functions = {"np": numpy, "Image": Image}
    exec(text[text.index("import skimage as sk") : text.index("def save_distorted")], functions)
    return functions


def main(script: Path) -> None:
    from tqdm import tqdm

    functions, clean, found = load(script), pictures(), {}
    ours = "gaussian_noise shot_noise impulse_noise speckle_noise defocus_blur glass_blur motion_blur zoom_blur "
    ours += "gaussian_blur snow fog brightness spatter contrast elastic pixelate jpeg saturate"
    for name in tqdm(ours.split()):
        for severity in SEVERITIES:
            np.random.seed(0)
            call = functions[THEIR_NAMES.get(name, name)]
            runs = []
            for _ in range(REPEATS):
                damaged = [np.round(call(Image.fromarray(picture), severity)) for picture in clean]
                runs.append(np.mean([measure(*pair) for pair in zip(clean, damaged)], axis=0))
            found[f"{name} {severity}"] = {
                "mean": np.mean(runs, axis=0).round(3).tolist(),
                "deviation": np.std(runs, axis=0, ddof=1).round(4).tolist(),
            }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in found.items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
