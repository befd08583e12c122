"""A translator from Java to Python that knows a dictionary and no grammar: what a model must be better than.

Each line is rewritten by itself: heads, loops and calls as they look, names in Python's fashion. What the languages
mean differently (the direction of rounding, overflow, where a range ends, a counter that the body moves) it does not
know.
"""

from __future__ import annotations

import re


def head(found: re.Match[str]) -> str:
    """static int f(int a, String b) { → def f(a, b):"""
    return f"def {found[1]}({', '.join(parameter.split()[-1] for parameter in found[2].split(', '))}):"


LINES = [
    (r"static \S+(?: \S+>)? (\w+)\((.*)\) \{", head),
    (r"for \(int (\w+) = (.+); \w+ <=? (.+); .+\) \{", r"for \1 in range(\2, \3):"),
    (r"for \(int (\w+) = (.+); \w+ >=? (.+); .+\) \{", r"for \1 in range(\2, \3, -1):"),
    (r"for \(\S+ (\w+) : (.+)\) \{", r"for \1 in \2:"),
    (r"\} else if \((.+)\) \{", r"elif \1:"),
    (r"\} else \{", "else:"),
    (r"(if|while) \((.+)\) \{", r"\1 \2:"),
    (r"(\w+)\+\+;", r"\1 += 1"),
    (r"(\w+)--;", r"\1 -= 1"),
    (r"(?:int|boolean|char|String|List<\w+>|Map<\w+, \w+>) (\w+) = (.+);", r"\1 = \2"),
    (r"(.+);", r"\1"),
]
WORDS = [
    (r"'(.)'", r'"\1"'), (r"&&", "and"), (r"\|\|", "or"), (r"!(?!=)", "not "), (r"\btrue\b", "True"),
    (r"\bfalse\b", "False"), (r"\bnull\b", "None"), (r"new ArrayList<>\(\)", "[]"), (r"new HashMap<>\(\)", "{}"),
    (r"Math\.(max|min|abs)", r"\1"), (r"String\.valueOf\(", "str("), (r"Character\.isDigit\((\w+)\)", r"\1.isdigit()"),
    (r"Character\.isLetter\((\w+)\)", r"\1.isalpha()"), (r"\(char\) ", "chr"),
    (r"(\w+)\.(?:length\(\)|size\(\)|length\b)", r"len(\1)"),
    (r"\.(?:charAt|get)\(([^()]*)\)", r"[\1]"), (r"\.equals\(([^()]*)\)", r" == \1"), (r"\.add\(", ".append("),
    (r"\.toCharArray\(\)", ""), (r"\.getOrDefault\(", ".get("), (r"\.put\(([^,]*), (.*)\)$", r"[\1] = \2"),
    (r"\.remove\(", ".pop("), (r"(?:Arrays|Collections)\.sort\((\w+)\)", r"\1.sort()"), (r" / ", " // "),
    (r"(.*\S) \? (.*) : (.*)", r"\2 if \1 else \3"), (r"\.toUpperCase", ".upper"), (r"\.toLowerCase", ".lower"),
    (r"new StringBuilder\((\w+)\)\.reverse\(\)\.toString\(\)", r"\1[::-1]"),
    (r"\.substring\(([^(),]*(?:\([^()]*\))?[^(),]*), (.*?)\)", r"[\1:\2]"),
]  # fmt: skip


def word_by_word(code: str) -> str:
    """A Python program of a Java one, line by line."""
    written = []
    for line in code.splitlines():
        text = line.strip()
        if not text or text == "}" or text.startswith(("import ", "class ")):
            continue
        depth = (len(line) - len(line.lstrip())) // 4 - 1  # the class itself is none of Python's
        for pattern, replacement in LINES:
            if re.fullmatch(pattern, text):
                text = re.sub(pattern, replacement, text)
                break
        for pattern, replacement in WORDS:
            text = re.sub(pattern, replacement, text)
        text = re.sub(r"(?<=[a-z])([A-Z])(?=[a-z])", lambda found: f"_{found[1].lower()}", text)
        written.append(" " * 4 * depth + text)
    return "\n".join(written) + "\n"
