"""Filters: what the corruptions are made of (corruptions.py): blurs, samples, clouds and edges of square pictures.

Values are floats, (S, S) or (S, S, 3), from 0 to 1 where nothing else is said.
"""

from __future__ import annotations

from functools import cache

import numpy as np

SOBEL = np.outer([1, 2, 1], [-1, 0, 1])  # how fast values rise to the right


def levels(values: np.ndarray) -> np.ndarray:
    """From floats to uint8: what is out of range is clipped, what is between two levels is rounded."""
    return (values.clip(0, 1) * 255).round().astype(np.uint8)


def bell(steps: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian's weights, their sum 1."""
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    return weights / weights.sum()


@cache
def smoother(size: int, sigma: float) -> np.ndarray:
    """The matrix that blurs a column; beyond its ends the last value goes on."""
    reach = int(4 * sigma + 0.5)
    matrix, rows = np.zeros((size, size)), np.arange(size)
    for step, weight in zip(range(-reach, reach + 1), bell(np.arange(-reach, reach + 1), sigma)):
        matrix[rows, (rows + step).clip(0, size - 1)] += weight
    return matrix


def both_ways(matrix: np.ndarray, values: np.ndarray) -> np.ndarray:
    """What the matrix does to a column, done to all columns and then to all rows."""
    for _ in range(2):
        values = np.tensordot(matrix, values.swapaxes(0, 1), 1)
    return values


def smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur."""
    return both_ways(smoother(len(values), sigma), values)


def filtered(values: np.ndarray, kernel: np.ndarray, border: str = "reflect") -> np.ndarray:
    """Each value becomes the sum of those around it, weighted by the kernel; its zeros cost nothing."""
    size, reach = len(values), len(kernel) // 2
    padded = np.pad(values, [(reach, reach)] * 2 + [(0, 0)] * (values.ndim - 2), border)
    return sum(kernel[y, x] * padded[y : y + size, x : x + size] for y, x in np.argwhere(kernel))


def boxed(values: np.ndarray) -> np.ndarray:
    """The mean over three by three."""
    return filtered(values, np.full((3, 3), 1 / 9))


def streaked(values: np.ndarray, radius: int, sigma: float, angle: float) -> np.ndarray:
    """Motion blur as ImageMagick does it: weights of half a Gaussian on a line of whole pixels, which begins here."""
    steps, turn = np.arange(2 * radius + 1), np.radians(angle)
    line = [2 * radius + np.ceil(steps * along - 0.5).astype(int) for along in (np.sin(turn), np.cos(turn))]
    kernel = np.zeros((4 * radius + 1, 4 * radius + 1))
    np.add.at(kernel, tuple(line), bell(steps, sigma))
    return filtered(values, kernel, "edge")


def sample(values: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The values at places between pixels, bilinear; beyond its edges the picture is mirrored."""
    last = len(values) - 1
    y, x = (last - abs(last - abs(places) % (2 * last)) for places in (y, x))
    top, left = (np.minimum(places.astype(int), last - 1) for places in (y, x))
    down, right = ((a - b).reshape(a.shape + (1,) * (values.ndim - 2)) for a, b in ((y, top), (x, left)))
    above, below = (values[row, left] * (1 - right) + values[row, left + 1] * right for row in (top, top + 1))
    return above * (1 - down) + below * down


@cache
def enlarger(size: int, factor: float) -> np.ndarray:
    """The matrix that enlarges the middle of a column. Its first and last value stay those, as in SciPy's zoom."""
    part = int(np.ceil(size / factor))
    whole = round(part * factor)
    places = (size - part) // 2 + (np.arange(size) + (whole - size) // 2) * (part - 1) / (whole - 1)
    return (1 - abs(places[:, None] - np.arange(size))).clip(0)  # bilinear: the two nearest share the weight


def enlarged(values: np.ndarray, factor: float) -> np.ndarray:
    """The middle of the picture, enlarged to the whole."""
    return both_ways(enlarger(len(values), float(factor)), values)


def plasma(size: int, smoothness: float, random: np.random.Generator) -> np.ndarray:
    """Clouds from 0 to 1 by the diamond-square algorithm, which adds ever smaller detail; size: a power of two."""
    heights, step, detail = np.zeros((size, size)), size, 1.0
    while step > 1:
        known, half = heights[::step, ::step], step // 2
        middles = known + np.roll(known, -1, 0) + np.roll(known, -1, 1) + np.roll(known, (-1, -1), (0, 1))
        middles = heights[half::step, half::step] = middles / 4 + random.uniform(-detail, detail, known.shape)
        for axis, sides in enumerate((heights[half::step, ::step], heights[::step, half::step])):
            around = known + np.roll(known, -1, axis) + middles + np.roll(middles, 1, 1 - axis)
            sides[:] = around / 4 + random.uniform(-detail, detail, known.shape)
        step, detail = half, detail / smoothness**2
    heights -= heights.min()
    return heights / heights.max()


def outlines(values: np.ndarray) -> np.ndarray:
    """Canny's edges (1986): where the slope is steep, and steepest along its own direction."""
    right, down = filtered(values, SOBEL, "edge"), filtered(values, SOBEL.T, "edge")
    slope = abs(right) + abs(down)
    flat, steep = abs(down) < np.tan(np.pi / 8) * abs(right), abs(right) < np.tan(np.pi / 8) * abs(down)
    dy, dx = np.where(flat, 0, 1), np.where(steep, 0, np.where(flat | (right * down > 0), 1, -1))
    y, x = np.indices(slope.shape) + 1
    around = np.pad(slope, 1)
    return (slope > 150) & (slope > around[y - dy, x - dx]) & (slope >= around[y + dy, x + dx])


def distances(edges: np.ndarray) -> np.ndarray:
    """How far each place is from the nearest edge: first within its row, then over the rows."""
    squares = np.subtract.outer(np.arange(len(edges)), np.arange(len(edges))) ** 2
    in_row = np.where(edges[:, None], squares, len(edges) ** 2 * 2).min(-1)
    return np.sqrt((squares[..., None] + in_row).min(1))


def equalised(values: np.ndarray) -> np.ndarray:
    """Levels spread so that each is about as frequent; the lowest becomes 0."""
    counts = np.bincount(values.ravel(), minlength=256)
    above = counts.cumsum() - counts[values.min()]
    return (above * 255 / max(above[-1], 1)).round()[values]
