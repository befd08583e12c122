"""The quantiser against a search by hand, its averages against a plain loop, and what becomes of dead codes."""

import pytest
import torch

from vlmcore.models.vector_quantiser import QuantiserConfig, VectorQuantiser


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def quantiser(**values: float) -> VectorQuantiser:
    torch.manual_seed(0)
    return VectorQuantiser(QuantiserConfig(**{"codes": 12, "width": 5} | values))


def test_the_nearest_code_is_the_nearest():
    vq, z = quantiser(), random(3, 7, 5)
    by_hand = [min(range(12), key=lambda k: float((v - vq.codebook[k]).square().sum())) for v in z.flatten(0, 1)]
    assert vq.nearest(z).flatten().tolist() == by_hand and len(set(by_hand)) > 4
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(vq.nearest(z), vq.nearest(z.float()))


def test_codes_go_forward_and_gradients_straight_through():
    vq = quantiser().eval()
    z, weight = random(4, 5).requires_grad_(), random(4, 5, seed=1)
    out, codes, loss = vq(z)
    torch.testing.assert_close(out, vq.codebook[codes])
    (out * weight).sum().backward()
    assert torch.equal(z.grad, weight)
    z.grad = None
    loss.backward()
    torch.testing.assert_close(z.grad, 0.25 * 2 * (z.detach() - vq.codebook[codes]) / z.numel())


def test_commitment_is_no_other_loss():
    """β weighs what pulls z to its code; nothing of the loss moves the code."""
    out, codes, loss = quantiser(commitment=2.0).eval()(z := random(6, 5).requires_grad_())
    apart = quantiser().codebook[codes] - z
    torch.testing.assert_close(loss, 2 * apart.square().mean())
    assert not quantiser().codebook.requires_grad and not list(quantiser().parameters())


def test_codes_move_by_averages_of_those_that_chose_them():
    """Against a loop that keeps the averages code by code."""
    vq = quantiser(decay=0.9, smoothing=0.01)
    counts, sums = [1.0] * 12, [code.clone() for code in vq.codebook]
    for step in range(4):
        z = random(30, 5, seed=step)
        codes = vq.nearest(z)
        vq(z)
        for k in range(12):
            mine = z[codes == k]
            counts[k] = 0.9 * counts[k] + 0.1 * len(mine)
            sums[k] = 0.9 * sums[k] + 0.1 * mine.sum(0)
        total = sum(counts)
        for k in range(12):
            smoothed = (counts[k] + 0.01) / (total + 12 * 0.01) * total
            torch.testing.assert_close(vq.codebook[k], sums[k] / smoothed)


def test_codes_become_the_means_of_clusters():
    """Four heaps of vectors, four codes: each ends in the middle of one."""
    vq = quantiser(codes=4, decay=0.8)
    middles = 5 * random(4, 5, seed=9)
    vq.codebook.copy_(middles + 0.5)
    vq.sums.copy_(vq.codebook)
    for step in range(60):
        vq(middles.repeat(20, 1) + 0.1 * random(80, 5, seed=step))
    torch.testing.assert_close(vq.codebook, middles, atol=0.08, rtol=0)


def test_in_evaluation_nothing_moves():
    vq = quantiser().eval()
    before = {name: value.clone() for name, value in vq.state_dict().items()}
    vq(random(30, 5))
    assert all(torch.equal(value, before[name]) for name, value in vq.state_dict().items())


def test_it_begins_with_vectors_of_the_batch():
    vq, z = quantiser(), 100 + random(4, 50, 5)
    vq.begin(z)
    rows = {tuple(row) for row in z.flatten(0, 1).tolist()}
    assert {tuple(row) for row in vq.codebook.tolist()} <= rows
    torch.testing.assert_close(vq.sums, vq.codebook * vq.counts[:, None])
    vq(z)  # and is not thrown back by its first average
    assert (vq.codebook > 90).all()


def test_a_dead_code_is_revived_where_something_is():
    vq = quantiser(decay=0.5)
    vq.codebook[3:] += 1000  # where nothing will ever be
    vq.sums.copy_(vq.codebook)
    z = random(60, 5)
    for _ in range(20):
        vq(z)
    used = vq.nearest(z).unique()
    assert len(used) == 3
    assert vq.revive(z) == 9 and (vq.codebook.abs() < 10).all()
    for _ in range(3):
        vq(z)
    assert (vq.codebook.abs() < 10).all()  # its sums moved along
    assert len(vq.nearest(z).unique()) > 8
    assert vq.revive(z) == 0


def test_living_codes_stay_where_they_are():
    vq, z = quantiser(), random(60, 5)
    vq.begin(z)
    before = vq.codebook.clone()
    assert vq.revive(z) == 0 and torch.equal(vq.codebook, before)


@pytest.mark.parametrize("values", [{"codes": 1}, {"width": 0}, {"decay": 1.0}, {"decay": -0.1}], ids=str)
def test_impossible_sizes_are_told_of(values):
    with pytest.raises(AssertionError, match=r": choose|tell nothing"):
        QuantiserConfig(**values)
