"""Lesson 00: reading a box out of an answer, how well two boxes agree, and one number for many tasks."""

from __future__ import annotations

from vlmcore.exercises.check import Exercise, Lesson
from vlmcore.scenes.grounding import Box, iou, parse_boxes

# -- the references ----------------------------------------------------------------------------------------------------


def read_box(text: str, width: int, height: int) -> Box:
    """The first box of an answer in pixels: "[[500,250,1000,500]]" in a 200×100 picture → (100, 25, 200, 50)."""
    x0, y0, x1, y1 = parse_boxes(text)[0]
    return x0 * width, y0 * height, x1 * width, y1 * height


def mean_score(results: dict[str, list[bool]]) -> float:
    """The mean over tasks of the share that is right in each."""
    return sum(sum(right) / len(right) for right in results.values()) / len(results)


# -- what goes wrong -------------------------------------------------------------------------------------------------


def unscaled(text: str, width: int, height: int) -> Box:
    return tuple(1000 * value for value in parse_boxes(text)[0])


def width_alone(text: str, width: int, height: int) -> Box:
    return tuple(value * width for value in parse_boxes(text)[0])


def with_size(text: str, width: int, height: int) -> Box:
    x0, y0, x1, y1 = read_box(text, width, height)
    return x0, y0, x1 - x0, y1 - y0


def last_box(text: str, width: int, height: int) -> Box:
    x0, y0, x1, y1 = parse_boxes(text)[-1]
    return x0 * width, y0 * height, x1 * width, y1 * height


def some_answers() -> list[tuple[str, int, int]]:
    return [
        ("[[500,250,1000,500]]", 200, 100),
        ("on the left [[040,400,280,640]]", 64, 128),
        ("on the left [[040,400,280,640]] and at the top [[360,000,640,280]]", 64, 128),
    ]


def sides(first: Box, second: Box) -> tuple[float, float]:
    """Width and height of what two boxes share; negative where they do not meet."""
    return min(first[2], second[2]) - max(first[0], second[0]), min(first[3], second[3]) - max(first[1], second[1])


def area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def overlap(first: Box, second: Box) -> float:
    width, height = sides(first, second)
    return max(width, 0.0) * max(height, 0.0)


def iou_unclamped(first: Box, second: Box) -> float:
    width, height = sides(first, second)
    return width * height / (area(first) + area(second) - width * height)


def one_side_clamped(first: Box, second: Box) -> float:
    width, height = sides(first, second)
    shared = max(width, 0.0) * height
    return shared / (area(first) + area(second) - shared)


def some_boxes() -> list[tuple[Box, Box]]:
    return [
        ((0.0, 0.0, 4.0, 4.0), (2.0, 2.0, 6.0, 6.0)),
        ((0.0, 0.0, 1.0, 1.0), (3.0, 4.0, 5.0, 6.0)),  # apart in both directions
        ((0.0, 0.0, 4.0, 4.0), (6.0, 1.0, 8.0, 3.0)),  # apart from left to right alone
        ((0.0, 0.0, 4.0, 4.0), (1.0, 6.0, 3.0, 8.0)),  # apart from top to bottom alone
        ((1.0, 1.0, 3.0, 5.0), (1.0, 1.0, 3.0, 5.0)),
        ((0.0, 0.0, 9.0, 9.0), (3.0, 3.0, 6.0, 6.0)),  # one inside the other
    ]


LESSON = Lesson(
    "00",
    {
        "read_box": Exercise(
            read_box,
            some_answers,
            mistakes={
                "These are still thousandths of the picture: divide by 1000, times its width or height.": unscaled,
                "y counts in heights, not in widths.": width_alone,
                "The last two numbers are the other corner (x1, y1), not a width and a height.": with_size,
                "That is the last box: take the first.": last_box,
            },
            hints=(
                "re.findall(r'\\d+', text) finds all numbers of a text, as strings.",
                "x0 and x1 are thousandths of the width, y0 and y1 of the height.",
            ),
            cpu_only=True,
        ),
        "iou": Exercise(
            iou,
            some_boxes,
            mistakes={
                "Boxes that do not meet share nothing: a negative width times a negative height is no overlap.": (
                    iou_unclamped
                ),
                "Each side by itself may be negative: max(…, 0) for the width and for the height.": one_side_clamped,
                "The union counts what both share once, not twice: take it off the two areas.": lambda first, second: (
                    overlap(first, second) / (area(first) + area(second))
                ),
                "Divide by the union, not by the first box: a box that covers everything must not win.": (
                    lambda first, second: overlap(first, second) / area(first)
                ),
                "Divide by the union, not by the smaller box.": lambda first, second: (
                    overlap(first, second) / min(area(first), area(second))
                ),
            },
            hints=(
                "What both share begins at the larger of the two x0 and ends at the smaller of the two x1.",
                "Where that width or height is negative they share nothing: max(…, 0).",
                "union = area of one + area of the other − what they share.",
            ),
            cpu_only=True,
        ),
        "mean_score": Exercise(
            mean_score,
            lambda: [({"count": [True, False], "what": [True] * 8, "box": [False, False, True]},)],
            mistakes={
                "Every task counts the same, however many questions it has: first a share for each task.": (
                    lambda results: (
                        sum(sum(right) for right in results.values()) / sum(len(right) for right in results.values())
                    )
                ),
                "These are numbers of right answers, not shares: divide by how many questions the task has.": (
                    lambda results: sum(sum(right) for right in results.values()) / len(results)
                ),
                "This is the sum over tasks, not their mean.": lambda results: sum(
                    sum(right) / len(right) for right in results.values()
                ),
            },
            hints=("True counts as 1: sum(right) is how many are right.", "One share a task, then their mean."),
            cpu_only=True,
        ),
    },
)
check, hint = LESSON.check, LESSON.hint
