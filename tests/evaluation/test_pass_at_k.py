"""pass@k against counting every choice of k programs, and against the bias of the obvious estimate."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlmcore.errors import VlmError
from vlmcore.evaluation.pass_at_k import mean_pass_at_k, pass_at_k


@given(st.integers(1, 9), st.data())
@settings(deadline=None, max_examples=60)
def test_it_is_the_share_of_choices_in_which_one_passes(tried, data):
    passed, k = data.draw(st.integers(0, tried)), data.draw(st.integers(1, tried))
    good = [True] * passed + [False] * (tried - passed)
    choices = [any(chosen) for chosen in combinations(good, k)]
    assert pass_at_k(tried, passed, k) == pytest.approx(np.mean(choices))


def test_it_is_unbiased_and_the_obvious_estimate_is_not():
    """Programs that pass one time in ten, 20 tried, k = 10: the truth is 1 − 0.9¹⁰."""
    passed = np.random.default_rng(0).binomial(20, 0.1, 20_000)
    truth = 1 - 0.9**10
    ours = np.mean([pass_at_k(20, int(c), 10) for c in passed])
    obvious = np.mean(1 - (1 - passed / 20) ** 10)
    assert ours == pytest.approx(truth, abs=0.01) and obvious < truth - 0.03


def test_many_programs_do_not_overflow():
    assert pass_at_k(200, 0, 100) == 0 and pass_at_k(200, 200, 1) == 1
    assert pass_at_k(200, 46, 1) == pytest.approx(0.23) and 0.99 < pass_at_k(200, 46, 100) <= 1


def test_problems_count_alike():
    assert mean_pass_at_k([[True, False], [False, False], [True, True]], 1) == pytest.approx(0.5)


@pytest.mark.parametrize(("tried", "passed", "k"), [(5, 2, 6), (5, 6, 1), (5, -1, 1), (5, 2, 0), (0, 0, 1)])
def test_what_was_not_tried_cannot_be_told(tried, passed, k):
    with pytest.raises(VlmError, match=f"try at least {k} a problem"):
        pass_at_k(tried, passed, k)
