"""The names that a program being made knows of, and new ones that fit what they stand for."""

from __future__ import annotations

from random import Random

from vlmcore.programs.expressions import Name, Words
from vlmcore.programs.java_types import ARRAY, BOOLEAN, CHAR, COUNTS, INT, NUMBERS, STRING, WORDS


def split(names: str) -> list[Words]:
    """ "max so far, best" → [("max", "so", "far"), ("best",)]"""
    return [tuple(name.split()) for name in names.split(", ")]


PARAMETERS = {
    INT: split("n, k, a, b, x, y, m, limit, size, amount, start, target, offset, score, price, level, age, width, "
               "height, day, month, step count, first value, second value, base price, max size"),
    STRING: split("s, t, text, word, name, line, label, title, message, code, key, user name, first name"),
    ARRAY: split("xs, ys, values, numbers, scores, prices, data, heights, weights, temperatures, daily sales, grades"),
    NUMBERS: split("items, entries, readings, points, ages, samples, open orders, amounts"),
    WORDS: split("words, names, labels, lines, titles, tags, cities, file names"),
    CHAR: split("c, letter, mark, symbol, wanted"),
    BOOLEAN: split("flag, strict, upper, is open, enabled"),
}  # fmt: skip
LOCALS = {
    INT: split("total, count, result, best, value, left, right, current, rest, hits, answer, points, "
               "running total, max so far, last seen, num found, d, r, p, q, longest, smallest"),
    STRING: split("out, result, joined, built, half, prefix, short name, new text, reply, kind"),
    NUMBERS: split("kept, found, result, chosen, big ones, doubled, filtered, copy"),
    WORDS: split("kept, found, result, chosen, short words, matches"),
    COUNTS: split("counts, seen, tally, letter counts, frequency"),
    CHAR: split("c, ch, letter, first, last"),
    BOOLEAN: split("found, ok, valid, is sorted, all equal, matched"),
}  # fmt: skip
COUNTERS, ELEMENTS = split("i, j, k, pos, index"), {
    INT: split("x, v, value, item, number, each, y"),
    STRING: split("w, word, name, item, line"),
    CHAR: split("c, ch, letter"),
}  # fmt: skip
VERBS = split(
    "count, sum, find, check, compute, get, build, make, score, measure, pick, total, weigh, rate, scan, process"
)
NOUNS = split("values, digits, letters, total, matches, pairs, items, result, text, words, steps, points, changes, "
              "even ones, small parts, best value, last part, all codes")  # fmt: skip


class Scope:
    """What may be read at one place of a program."""

    def __init__(self, random: Random) -> None:
        self.random, self.taken = random, set()
        self.names: list[Name] = []

    def fresh(self, pool: list[Words], type: str, natural: bool = False, known: bool = True) -> Name:
        """A name that is not in use. ``known``: expressions may read it."""
        free = [words for words in pool if words not in self.taken] or [(*pool[0], str(len(self.taken)))]
        words = self.random.choice(free)
        self.taken.add(words)
        name = Name(words, type, natural)
        if known:
            self.names.append(name)
        return name

    def of(self, *types: str) -> list[Name]:
        """The readable names of these types."""
        return [name for name in self.names if name.type in types]

    def pick(self, *types: str) -> Name:
        """One of them, of those that came last most often: in a loop its element."""
        found = self.of(*types)
        return found[-1] if self.random.random() < 0.5 else self.random.choice(found)

    def forget(self, *names: Name) -> None:
        """They can no longer be read: their block has ended."""
        self.names = [name for name in self.names if name not in names]
