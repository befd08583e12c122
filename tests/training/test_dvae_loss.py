"""The dVAE's losses against torch.distributions."""

import math

import pytest
import torch
from torch.distributions import Categorical, Laplace, SigmoidTransform, TransformedDistribution, kl_divergence

from vlmcore.training.dvae_loss import cosine, kl_to_uniform, logit_laplace


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_logit_laplace_is_the_density_of_a_sigmoid_of_laplace():
    told, pixels = random(2, 6, 5, 5), random(2, 3, 5, 5, seed=1).sigmoid() * 0.8 + 0.1
    means, log_spreads = told[:, :3], told[:, 3:]
    density = TransformedDistribution(Laplace(means, log_spreads.exp()), [SigmoidTransform()])
    torch.testing.assert_close(logit_laplace(told, pixels), -density.log_prob(pixels).mean(), atol=1e-4, rtol=1e-5)


def test_sure_and_right_is_cheap_and_sure_and_wrong_is_dear():
    pixels = torch.full((1, 3, 2, 2), 0.3)
    right, wrong = (torch.full((1, 3, 2, 2), math.log(p / (1 - p))) for p in (0.3, 0.8))
    losses = [
        logit_laplace(torch.cat([means, torch.full_like(means, spread)], 1), pixels)
        for means in (right, wrong)
        for spread in (-3.0, 0.0)
    ]
    assert losses[0] < losses[1] < losses[3] < losses[2]


def test_kl_to_uniform():
    logits = random(2, 7, 3, 3)
    q = Categorical(logits=logits.permute(0, 2, 3, 1))
    even = Categorical(logits=torch.zeros(2, 3, 3, 7))
    torch.testing.assert_close(kl_to_uniform(logits), kl_divergence(q, even).mean())
    assert kl_to_uniform(torch.zeros(1, 7, 2, 2)).abs() < 1e-6
    sure = torch.zeros(1, 7, 2, 2)
    sure[:, 3] = 100
    assert kl_to_uniform(sure).item() == pytest.approx(math.log(7))


def test_the_temperature_falls_along_half_a_cosine():
    path = [cosine(1, 1 / 16, share / 10) for share in range(13)]
    assert path[0] == 1 and path[10] == path[12] == 1 / 16 and path[5] == pytest.approx((1 + 1 / 16) / 2)
    assert all(before > after for before, after in zip(path[:10], path[1:11]))
    assert path[0] - path[1] < path[4] - path[5] > path[9] - path[10]  # slowly, quickly, slowly
