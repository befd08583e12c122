"""Sampling against the distribution that it should follow."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vlmcore.decoding.sampling import likeliest, nucleus, sample


def test_sampling_follows_the_distribution_and_top_p_cuts_its_tail():
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().expand(20_000, 4)
    for temperature in (1.0, 0.5):
        drawn = sample(logits, temperature, 1.0, torch.Generator().manual_seed(0)).bincount(minlength=4) / 20_000
        exact = (logits[0] / temperature).softmax(-1)
        assert (drawn - exact).abs().max() < 0.015
    kept = sample(logits, 1.0, 0.6, torch.Generator().manual_seed(0)).bincount(minlength=4) / 20_000
    assert (kept - torch.tensor([0.625, 0.375, 0, 0])).abs().max() < 0.015


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=8, unique=True), st.floats(0.01, 1.0))
@settings(deadline=None, max_examples=60)
def test_the_nucleus_is_the_fewest_that_reach_top_p(weights, top_p):
    probabilities = torch.tensor(weights, dtype=torch.float64) / sum(weights)
    kept, reached = [], 0.0
    for place in sorted(range(len(weights)), key=lambda place: -weights[place]):
        if reached >= top_p - 1e-12:
            break
        kept.append(place)
        reached += weights[place] / sum(weights)
    expected = [weights[place] / sum(weights) / reached if place in kept else 0.0 for place in range(len(weights))]
    found = nucleus(probabilities[None], top_p)[0].tolist()
    if abs(reached - top_p) > 1e-9:  # on the edge either is right
        assert found == pytest.approx(expected)


def test_temperature_0_takes_the_likeliest():
    logits = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    assert torch.equal(sample(logits, 0.0, 1.0, None), logits.argmax(-1))


@pytest.mark.parametrize("temperature", [0.0, 1.0, 50.0])
@pytest.mark.parametrize("top_p", [1.0, 0.5])
def test_what_is_forbidden_is_never_drawn(temperature, top_p):
    logits = torch.zeros(2_000, 6)
    logits[:, [1, 4]] = -torch.inf
    assert set(sample(logits, temperature, top_p, torch.Generator().manual_seed(0)).tolist()) <= {0, 2, 3, 5}


@pytest.mark.parametrize(
    ("count", "kept"), [(1, [3]), (2, [0, 3]), (3, [0, 1, 2, 3]), (4, [0, 1, 2, 3]), (9, [0, 1, 2, 3])]
)
def test_top_k_keeps_the_largest_and_what_equals_the_least_of_them(count, kept):
    logits = torch.tensor([[2.0, 1.0, 1.0, 5.0], [0.0, -1.0, -1.0, 0.5]])
    for row, before in zip(likeliest(logits, count), logits, strict=True):
        assert [place for place, value in enumerate(row.tolist()) if value > -torch.inf] == kept
        assert torch.equal(row[kept], before[kept])
