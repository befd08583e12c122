"""The baseline knows a dictionary: what means the same in both languages it gets right, what does not it gets wrong."""

import pytest

from vlmcore.evaluation.word_by_word import word_by_word

JAVA = """\
import java.util.*;

class Main {
    static int countSmall(List<Integer> openOrders, int maxSize) {
        int numFound = 0;
        for (int x : openOrders) {
            if (x < maxSize && x != 3) {
                numFound++;
            } else if (x == 7) {
                numFound -= x;
            } else {
                numFound = Math.max(numFound, openOrders.size());
            }
        }
        return numFound;
    }
}
"""


def test_a_whole_program():
    space = {}
    exec(word_by_word(JAVA), space)
    assert space["count_small"]([1, 2, 3, 9, 1], 5) == 6


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("for (int i = 0; i < n; i++) {", "for i in range(0, n):"),
        ("for (int i = 0; i <= n; i++) {", "for i in range(0, n):"),  # wrong, and that is the point
        ("return a / b;", "return a // b"),
        ("return s.equals(t);", "return s == t"),
        ("char c = s.charAt(i);", "c = s[i]"),
        ("total = total * 31 + c;", "total = total * 31 + c"),
        ("xs.add(x);", "xs.append(x)"),
        ("boolean ok = !a || b;", "ok = not a or b"),
        ("return s == null;", "return s == None"),
    ],
)
def test_lines(line, written):
    assert word_by_word(f"class Main {{\n    {line}\n}}") == f"{written}\n"
