"""Muon and its AdamW half against PyTorch's own."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from vlmcore.models.clip import CLIP, CLIPConfig, TextConfig
from vlmcore.models.config import TransformerConfig
from vlmcore.models.language import Head, LanguageConfig, LanguageModel
from vlmcore.models.region_clip import BoxHead, RegionCLIP
from vlmcore.models.vision import PatchEmbedding, VisionConfig
from vlmcore.training.muon import OTHERS, Muon, make_optimizer, orthogonalise

SHAPES = [(6, 10), (10, 6), (8, 8), (6, 10)]


def with_singular_values(rows: int, columns: int, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """U, S·scale and V of a random matrix, as (U diag(S) Vᵀ, U, V)."""
    left, _ = torch.linalg.qr(torch.randn(rows, len(values)))
    right, _ = torch.linalg.qr(torch.randn(columns, len(values)))
    return left * values @ right.T, left, right


@given(st.integers(1, 12), st.integers(1, 12), st.floats(-4, 4), st.integers(0, 10_000))
@settings(deadline=None, max_examples=60)
def test_orthogonalise_pushes_singular_values_towards_one(rows, columns, size, seed):
    torch.manual_seed(seed)
    values = (0.05 + 0.95 * torch.rand(min(rows, columns))) * 10**size
    matrix, left, right = with_singular_values(rows, columns, values)
    result = orthogonalise(matrix[None])[0]
    turned = left.T @ result @ right  # diagonal if the singular vectors stayed
    found = turned.diagonal()
    assert result.shape == matrix.shape
    assert found.min() > 0.6 and found.max() < 1.3
    torch.testing.assert_close(turned, found.diag(), atol=2e-3, rtol=0)


def test_a_batch_of_matrices_is_one_matrix_at_a_time():
    matrices = torch.randn(3, 5, 7, generator=torch.Generator().manual_seed(0))
    alone = torch.cat([orthogonalise(matrix[None]) for matrix in matrices])
    torch.testing.assert_close(orthogonalise(matrices), alone, atol=1e-5, rtol=0)


def parameters(*shapes: tuple[int, ...]) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]


def walk(
    optimizer: torch.optim.Optimizer, weights: list[nn.Parameter], steps: int = 5, share: float = 1.0
) -> list[Tensor]:
    """The same gradients for everyone, of very different sizes; the rate (``share`` of it) falls on the way."""
    generator = torch.Generator().manual_seed(1)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = share * 0.02 / (step + 1)
        for n, weight in enumerate(weights):
            weight.grad = torch.randn(weight.shape, generator=generator) * 10 ** (n - 2)
        optimizer.step()
    return [weight.detach() for weight in weights]


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch.optim.Muon came with PyTorch 2.9")
@pytest.mark.parametrize("low_precision", [False, True])
def test_muon_is_the_muon_of_pytorch(monkeypatch, low_precision):
    ours, theirs = parameters(*SHAPES), parameters(*SHAPES)
    if not low_precision:  # PyTorch's always rounds to bfloat16: show it float32 in its place
        monkeypatch.setattr(Tensor, "bfloat16", lambda x: x.clone())
    got = walk(Muon(ours, [], lr=1.0, low_precision=low_precision), ours)
    reference = torch.optim.Muon(theirs, lr=1.0, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
    for mine, other, start in zip(got, walk(reference, theirs), parameters(*SHAPES)):
        assert (other - start).abs().mean() > 0.002, "nothing moved"
        torch.testing.assert_close(mine, other, atol=3e-3 if low_precision else 2e-6, rtol=0)


def test_the_other_half_is_adamw_at_its_share_of_the_rate():
    shapes = [(6, 10), (7,), (2, 3, 3)]
    ours, theirs = parameters(*shapes), parameters(*shapes)
    got = walk(Muon([], ours, lr=1.0), ours)
    adam = torch.optim.AdamW(theirs, lr=1.0, betas=(0.9, 0.95), weight_decay=0.0)
    expected = walk(adam, theirs, share=OTHERS)
    for mine, other, start in zip(got, expected, parameters(*shapes)):
        assert (other - start).abs().mean() > 0.003, "nothing moved"
        torch.testing.assert_close(mine, other, atol=1e-6, rtol=0)


def test_a_convolution_is_a_matrix_with_a_row_per_channel():
    kernel, flat = parameters((4, 3, 2, 2), (4, 12))
    with torch.no_grad():
        flat.copy_(kernel.flatten(1))
    optimizers = Muon([kernel], [], lr=0.1), Muon([flat], [], lr=0.1)
    for weight, optimizer in zip((kernel, flat), optimizers):
        weight.grad = torch.randn(48, generator=torch.Generator().manual_seed(2)).view(weight.shape)
        optimizer.step()
    torch.testing.assert_close(kernel.flatten(1), flat, atol=1e-6, rtol=0)


def test_a_parameter_without_a_gradient_stays():
    (still, moves), (other,) = parameters((3, 4), (3, 4)), parameters((5,))
    before, moves.grad = still.detach().clone(), torch.ones(3, 4)
    optimizer = Muon([still, moves], [other])
    optimizer.step()
    assert torch.equal(still, before) and still not in optimizer.state and other not in optimizer.state


def test_a_saved_state_goes_on_as_if_nothing_had_happened():
    once, twice = parameters(*SHAPES), parameters(*SHAPES)
    optimizers = [Muon(weights[:2], weights[2:], lr=0.1) for weights in (once, twice)]
    for weights, optimizer in zip((once, twice), optimizers):
        walk(optimizer, weights, 2)
    resumed = Muon(twice[:2], twice[2:], lr=0.1)
    resumed.load_state_dict(optimizers[1].state_dict())
    for mine, other in zip(walk(optimizers[0], once, 2), walk(resumed, twice, 2)):
        assert torch.equal(mine, other)


class Toy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.positions = nn.Embedding(5, 4), nn.Parameter(torch.zeros(3, 4))
        self.inner, self.norm = nn.Linear(4, 4), nn.LayerNorm(4)
        self.convolution, self.frozen = nn.Conv2d(3, 4, 2), nn.Linear(4, 4).requires_grad_(False)
        self.out, self.box, self.patches = Head(4, 5, bias=False), BoxHead(4, 4), PatchEmbedding(3, 4, 2)


def grouped(model: nn.Module) -> dict[str, set[str]]:
    """Names of the parameters that each half of the optimiser trains; each is in one of them."""
    names = {id(weight): name for name, weight in model.named_parameters()}
    groups = make_optimizer(model, lr=0.25).param_groups
    assert {group["lr"] for group in groups} == {0.25}
    trained = [weight for group in groups for weight in group["params"]]
    assert len(trained) == len(set(map(id, trained))) == sum(weight.requires_grad for weight in model.parameters())
    return {group["kind"]: {names[id(weight)] for weight in group["params"]} for group in groups}


def test_matrices_inside_get_muon_and_the_rest_adamw():
    groups = grouped(Toy())
    assert groups["matrix"] == {"inner.weight", "convolution.weight"}
    rest = {name for name, _ in Toy().named_parameters() if not name.startswith("frozen")} - groups["matrix"]
    assert groups["other"] == rest
    assert {"embedding.weight", "positions", "norm.weight", "out.weight", "box.weight", "patches.weight"} <= rest


class Misnamed(nn.Module):
    """Layers whose names say the contrary of what they are."""

    def __init__(self) -> None:
        super().__init__()
        self.box_mixer, self.head_mix, self.embedding_mlp = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)
        self.positions_convolution = nn.Conv2d(3, 4, 2)
        self.words, self.predict = nn.Embedding(5, 4), Head(4, 5)
        self.corners, self.cut = BoxHead(4, 4), PatchEmbedding(3, 4, 2)
        self.table = nn.Parameter(torch.zeros(3, 4))


def test_the_type_of_a_layer_decides_and_not_its_name():
    """By name, a new system's layer that merely had "head" or "box" in it quietly learned at AdamW's share of the rate,
    and its table of another name was made orthogonal."""
    groups = grouped(Misnamed())
    mixers = {"box_mixer", "head_mix", "embedding_mlp", "positions_convolution"}
    assert groups["matrix"] == {f"{name}.weight" for name in mixers}
    assert {"words.weight", "predict.weight", "corners.weight", "cut.weight", "table"} <= groups["other"]


def test_in_this_courses_models_what_embeds_and_predicts_is_adamws():
    stack = TransformerConfig(
        width=16, layers=1, heads=2, kv_heads=2, intermediate_size=16, activation="gelu", norm="layer", bias=True,
        rope_theta=None,
    )  # fmt: skip
    for tied in (True, False):
        language = grouped(LanguageModel(LanguageConfig(40, stack, tied, learned_positions=8)))
        layers = {"attention.qkv", "attention.out", "mlp.up", "mlp.down"}
        assert language["matrix"] == {f"transformer.blocks.0.{layer}.weight" for layer in layers}
        assert {"embedding.weight", "positions.weight"} <= language["other"]
        assert ("head.weight" in language["other"]) == (not tied)
    vision = VisionConfig(image=16, stem=(4,), transformer=stack, class_token=True)
    clip, names = CLIP(CLIPConfig(vision, TextConfig(40, 8, stack), width=8)), torch.tensor([[1, 2], [3, 0]])
    towers = grouped(RegionCLIP(clip, names, torch.tensor([1, 0])))
    inside = ("attention.", "mlp.", "stem.halve", "stem.refine", "projection")
    assert all(any(part in name for part in inside) and name.endswith("weight") for name in towers["matrix"])
    tables = {"vision.patch_embedding.weight", "vision.positions", "vision.class_embedding", "text.positions"}
    assert {f"clip.{name}" for name in tables | {"text.embedding.weight", "log_scale"}} <= towers["other"]
    assert {"box.weight", "names"} <= towers["other"] and "region_projection.weight" in towers["matrix"]
