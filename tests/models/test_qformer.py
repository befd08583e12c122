"""The Q-Former: its attention against PyTorch's, and what tells it from a projector."""

import torch
import torch.nn.functional as F

from tests import tiny
from vlmcore.models.config import TransformerConfig
from vlmcore.models.llava import Projector
from vlmcore.models.qformer import CrossAttention, QFormer, cross_attend
from vlmcore.training.muon import make_optimizer

N, P, V, D, Q, H = 3, 9, 20, 24, 5, 4


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def qformer(layers: int = 2) -> QFormer:
    torch.manual_seed(1)
    return QFormer(V, D, Q, layers=layers, heads=H).requires_grad_(False)


def test_cross_attention_is_pytorchs():
    queries, keys, values = noise(2, H, Q, 6), noise(2, H, P, 6, seed=1), noise(2, H, P, 6, seed=2)
    tiny.agree(cross_attend(queries, keys, values), F.scaled_dot_product_attention(queries, keys, values))


def test_with_heads_it_is_multi_head_attention():
    torch.manual_seed(0)
    ours = CrossAttention(V, TransformerConfig(D, 1, H, H, 2 * D)).requires_grad_(False)
    theirs = torch.nn.MultiheadAttention(D, H, kdim=V, vdim=V, batch_first=True).requires_grad_(False)
    for name, part in (("q", ours.query), ("k", ours.key), ("v", ours.value)):
        getattr(theirs, f"{name}_proj_weight").copy_(part.weight)
    theirs.in_proj_bias.copy_(torch.cat([part.bias for part in (ours.query, ours.key, ours.value)]))
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    x, features = noise(N, Q, D), noise(N, P, V, seed=1)
    tiny.agree(ours(x, features), theirs(x, features, features, need_weights=False)[0])


def test_with_unit_vectors_as_values_the_weights_come_back():
    weights = cross_attend(noise(Q, D), noise(P, D, seed=1), torch.eye(P))
    torch.testing.assert_close(weights.sum(-1), torch.ones(Q))
    assert weights.shape == (Q, P) and (weights >= 0).all()


def test_any_number_of_patches_becomes_as_many_tokens_as_there_are_queries():
    model = qformer()
    assert model(noise(N, P, V)).shape == model(noise(N, 4 * P, V)).shape == (N, Q, D)


def test_it_does_not_know_in_which_order_patches_come_and_a_projector_does():
    features, order = noise(N, P, V), torch.randperm(P, generator=torch.Generator().manual_seed(0))
    model, projector = qformer(), Projector(V, D).requires_grad_(False)
    torch.testing.assert_close(model(features[:, order]), model(features))
    torch.testing.assert_close(projector(features[:, order]), projector(features)[:, order])
    assert (projector(features[:, order]) - projector(features)).abs().max() > 0.01


def test_pictures_do_not_see_one_another():
    model, features = qformer(), noise(N, P, V)
    together = model(features)
    for picture, expected in zip(features, together):
        torch.testing.assert_close(model(picture[None])[0], expected)
    assert (together[0] - together[1]).abs().max() > 0.01


def test_every_weight_learns_and_the_queries_as_embeddings_do():
    model = QFormer(V, D, Q, layers=2, heads=H)
    model(noise(N, P, V)).square().sum().backward()
    idle = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    idle = [name for name in idle if "key.bias" not in name]  # a constant on all keys changes no softmax
    assert not idle
    adam = next(group for group in make_optimizer(model, 1e-2).param_groups if group["kind"] == "other")
    assert any(weight is model.query_embedding for weight in adam["params"])


def test_another_attention_can_be_put_in():
    calls = []

    def attend(queries, keys, values):
        calls.append((queries.shape, keys.shape, values.shape))
        return cross_attend(queries, keys, values)

    torch.manual_seed(1)
    model = QFormer(V, D, Q, layers=2, heads=H, attend=attend).requires_grad_(False)
    torch.testing.assert_close(model(noise(N, P, V)), qformer()(noise(N, P, V)))
    assert calls == [((N, H, Q, 6), (N, H, P, 6), (N, H, P, 6))] * 2
