"""Rotary positions against multiplication by complex numbers."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vlmcore.models.rotary import rotary_table, rotate


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_rotation_is_multiplication_by_a_complex_number():
    x, positions = random(2, 3, 5, 8), torch.tensor([[0, 1, 2, 7, 300], [4, 4, 0, 1, 90]])
    ours = rotate(x, *rotary_table(positions, 8, 10_000.0)).numpy()
    pairs = x[..., :4].numpy() + 1j * x[..., 4:].numpy()
    speeds = 10_000.0 ** (-2 * np.arange(4) / 8)
    turned = pairs * np.exp(1j * positions.numpy()[:, None, :, None] * speeds)
    np.testing.assert_allclose(ours, np.concatenate([turned.real, turned.imag], -1), atol=1e-4)


def score(query_at: int, key_at: int) -> float:
    query, key = random(1, 1, 1, 8, seed=1), random(1, 1, 1, 8, seed=2)
    turned = (rotate(x, *rotary_table(torch.tensor([at]), 8, 100.0)) for x, at in ((query, query_at), (key, key_at)))
    return float((next(turned) * next(turned)).sum())


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
@settings(deadline=None, max_examples=40)
def test_rope_scores_depend_on_the_distance_alone(query_at, key_at, shift):
    assert score(query_at + shift, key_at + shift) == pytest.approx(score(query_at, key_at), abs=2e-3)


def test_rope_scores_do_depend_on_the_distance():
    assert len({round(score(distance, 0), 2) for distance in range(6)}) == 6
    assert score(0, 2) != pytest.approx(score(2, 0), abs=0.01)  # and on its sign
