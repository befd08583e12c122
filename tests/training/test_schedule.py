"""The learning rate of every step."""

import pytest

from vlmcore.training.schedule import Schedule


@pytest.mark.parametrize("steps, warmup", [(100, 0.1), (40, 0.5), (3, 0.0), (1, 0.1)])
def test_the_rate_rises_and_falls_straight(steps, warmup):
    schedule = Schedule(steps=steps, lr=2.0, warmup=warmup)
    rates = [schedule.rate(step) for step in range(steps)]
    top = max(round(steps * warmup), 1)
    assert max(rates) == pytest.approx(2.0) and min(rates) > 0
    rise, fall = rates[:top], rates[top:]
    assert rise == pytest.approx([2.0 * (n + 1) / top for n in range(top)])
    assert fall == pytest.approx([2.0 * (steps - n) / (steps - top) for n in range(top, steps)])
    assert steps == 1 or rates[-1] <= 2.0 / (steps - top) + 1e-9


def test_a_step_takes_at_least_one_batch():
    with pytest.raises(AssertionError, match="accumulate 0 must be at least 1"):
        Schedule(steps=3, accumulate=0)
