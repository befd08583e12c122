"""An office. Its colours: wall, line, desk, accent."""

from __future__ import annotations

from random import Random

from vlmcore.scenes.grounds.canvas import (
    BLACK,
    SIDE,
    WHITE,
    Canvas,
    Palette,
    mix,
    scattered,
    steps,
    wavy,
)

PALETTES = (  # the last is for evaluation alone
    "e4e4e0 9aa0a8 b49068 5f8ac0",
    "d4dee4 8098a8 c4c4c0 48a090",
    "ece0cc a89c88 8c6848 c86848",
    "d8d4e0 8c8aa0 6a6468 8a6ac0",
    "dce8d8 8aa090 a87850 d09838",
)


def grid_paper(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Squared paper on a desk."""
    wall, line, desk, accent = palette
    canvas.graded(desk, mix(desk, BLACK, 0.1))
    left, top = random.uniform(-4, 12), random.uniform(-4, 10)
    canvas.box(left + 1, top + 1, left + 56, top + 62, mix(desk, BLACK, 0.3))
    canvas.box(left, top, left + 55, top + 61, mix(wall, WHITE, 0.6))
    for along in steps(random.uniform(3.5, 5), 0, 54):
        canvas.line([(left + min(along, 55), top), (left + min(along, 55), top + 61)], mix(line, wall, 0.4), 0.5)
        canvas.line([(left, top + along), (left + 55, top + along)], mix(line, wall, 0.4), 0.5)
    canvas.line([(left + 47, top), (left + 47, top + 61)], mix(accent, wall, 0.3), 0.7)


def window_wall(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A long window in the wall, a desk's edge under it."""
    wall, line, desk, accent = palette
    canvas.graded(wall, mix(wall, line, 0.2))
    y, bottom = random.uniform(4, 9), random.uniform(28, 36)
    canvas.graded(mix(wall, (150, 195, 235), 0.6), mix(wall, (225, 238, 248), 0.7), y, bottom)
    for x in steps(random.uniform(16, 22), random.uniform(-10, 0)):
        canvas.box(x, y, x + 1.6, bottom, mix(wall, WHITE, 0.6))
    for level in (y, bottom):
        canvas.box(0, level - 1, SIDE, level + 1, mix(wall, WHITE, 0.6))
    canvas.box(0, bottom + 12, SIDE, bottom + 15, mix(desk, WHITE, 0.25))
    canvas.graded(desk, mix(desk, BLACK, 0.15), bottom + 15)


def carpet(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Carpet tiles, a skirting board, a plain wall."""
    wall, line, desk, accent = palette
    y = random.uniform(14, 24)
    canvas.graded(wall, wall)
    canvas.graded(mix(line, accent, 0.25), line, y)
    for column, x in enumerate(steps(16, random.uniform(-16, 0))):
        for row, top in enumerate(steps(10, y)):
            if (row + column) % 2:
                canvas.box(x, top, x + 16, top + 10, mix(line, wall, 0.15))
    for point in scattered(random, 260, y):
        canvas.disc(point, 0.8, mix(line, random.choice((accent, wall, (20, 20, 30))), 0.3))
    canvas.box(0, y - 2.5, SIDE, y + 0.5, mix(wall, desk, 0.6))


def notepad(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A ruled page with its margin and, faintly, what has been written."""
    wall, line, _, accent = palette
    page, step = mix(wall, (255, 255, 245), 0.6), random.uniform(5, 7.5)
    canvas.graded(page, mix(page, wall, 0.4))
    for y in steps(step, random.uniform(2, 6)):
        canvas.line([(0, y), (SIDE, y)], mix(line, page, 0.35), 0.6)
        if random.random() < 0.55:
            words = [(x, y - 1.2 - 1.3 * random.random()) for x in steps(1.2, 17, random.uniform(26, 60))]
            canvas.line(words, mix(line, page, 0.3), 0.5)
    x = random.uniform(9, 14)
    canvas.line([(x, 0), (x, SIDE)], mix(accent, page, 0.25), 0.8)


def pin_board(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Cork with notes pinned to it."""
    wall, line, desk, accent = palette
    cork = mix(desk, (200, 160, 110), 0.5)
    canvas.graded(cork, mix(cork, desk, 0.3))
    for point in scattered(random, 170):
        canvas.disc(point, 0.9, mix(cork, random.choice(((80, 50, 30), (250, 230, 190))), 0.25))
    for x, y in scattered(random, 9, -4, 68):
        lean, note = random.uniform(-1.5, 1.5), mix(random.choice((wall, accent, (250, 240, 170))), wall, 0.45)
        canvas.polygon(
            [(x - 6, y - 5 + lean), (x + 6, y - 5 - lean), (x + 6 + lean, y + 6), (x - 6 + lean, y + 6)], note
        )
        for level in (-1, 1, 3):
            canvas.line([(x - 4, y + level), (x + 4, y + level)], mix(note, line, 0.4), 0.5)
        canvas.disc((x, y - 3.6), 1.4, accent)


def drawers(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Filing cabinets, drawer upon drawer."""
    wall, line, desk, accent = palette
    metal = mix(wall, line, 0.4)
    canvas.graded(metal, mix(metal, BLACK, 0.1))
    wide, high = random.uniform(19, 26), random.uniform(13, 18)
    for x in steps(wide, random.uniform(-wide, 0)):
        for y in steps(high, random.uniform(-2, 0) - 4):
            canvas.box(x, y, x + wide, y + high, mix(metal, BLACK, 0.3))
            canvas.box(x + 0.7, y + 0.7, x + wide - 0.7, y + high - 0.7, mix(metal, wall, random.random() / 2))
            canvas.box(x + wide / 2 - 3, y + high * 0.6, x + wide / 2 + 3, y + high * 0.6 + 1.5, mix(metal, BLACK, 0.4))
            canvas.box(
                x + wide / 2 - 3, y + high * 0.25, x + wide / 2 + 3, y + high * 0.25 + 2.5, mix(wall, accent, 0.3)
            )


def blinds(canvas: Canvas, palette: Palette, random: Random) -> None:
    """Slats over a bright window, and their cords."""
    wall, line, desk, accent = palette
    canvas.graded(mix(wall, (215, 232, 245), 0.7), wall)
    step = random.uniform(4, 6)
    for y in steps(step, random.uniform(-4, 0)):
        canvas.box(0, y, SIDE, y + step * 0.6, mix(wall, line, 0.35))
        canvas.box(0, y, SIDE, y + step * 0.2, mix(wall, WHITE, 0.5))
    for x in steps(22, random.uniform(4, 16)):
        canvas.line([(x, 0), (x, SIDE)], mix(line, desk), 0.8)
    y = random.uniform(50, 58)
    canvas.graded(desk, mix(desk, BLACK, 0.2), y)


def whiteboard(canvas: Canvas, palette: Palette, random: Random) -> None:
    """A whiteboard wider than the picture, with curves and words half wiped away, and the ledge under it."""
    wall, line, desk, accent = palette
    board, bottom = mix(wall, WHITE, 0.75), random.uniform(46, 56)
    canvas.graded(board, mix(board, wall))
    for y in steps(random.uniform(9, 13), random.uniform(4, 9), bottom - 16):
        ink, start = mix(random.choice((accent, line)), board, 0.45), random.uniform(2, 30)
        words = [(x, y + random.uniform(-1.2, 1.2)) for x in steps(1.3, start, start + random.uniform(12, 36))]
        canvas.line(words, ink, 0.7)
        canvas.line(wavy(y + 5, random.uniform(0.5, 2.5), random.uniform(30, 60), random.random()), ink, 0.6)
    canvas.box(0, bottom, SIDE, bottom + 2, mix(line, desk, 0.3))
    canvas.box(0, bottom + 2, SIDE, SIDE, mix(wall, line, 0.3))


# The last two are for evaluation alone.
ARRANGEMENTS = (grid_paper, window_wall, carpet, notepad, pin_board, drawers, blinds, whiteboard)
