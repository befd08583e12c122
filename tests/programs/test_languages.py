"""The same tree in four languages does the same: what Python makes of it is what javac, node and g++ make of it."""

from random import Random

import pytest

from tests.programs import running
from vlmcore.programs import cpp
from vlmcore.programs.described import described
from vlmcore.programs.generator import arguments, program

COUNT, CALLS = 120, 4


@pytest.fixture(scope="module")
def made():
    """Programs of both families, what they are called with, and what Python returns."""
    found = []
    for number in range(COUNT):
        for each in (program(Random(number)), described(Random(number)).program):
            random = Random(f"calls {number}")
            calls = [arguments(each, random) for _ in range(CALLS)]
            found.append((each, calls, running.by_python(each, calls)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("language", running.NEEDED)
def test_every_language_returns_the_same(language, made, tmp_path):
    if running.missing(language):
        pytest.skip(f"there is no {running.NEEDED[language]}")
    if language == "cpp":
        made = [one for one in made if writable(one[0])]
        assert len(made) > COUNT
    returned = running.RUN[language]([(each, calls) for each, calls, _ in made], tmp_path)
    expected = [value for _, _, values in made for value in values]
    assert returned == expected
    assert len(set(expected)) > 100, "they return many different things"


def writable(each):
    try:
        return bool(cpp.write(each))
    except cpp.Unwritable:
        return False
