"""Muon: momentum whose matrices are made orthogonal (Jordan et al. 2024), AdamW for everything else.

Why here: it teaches two to three times as much a second as AdamW on this course's models. Why our own:
``torch.optim.Muon`` computes its Newton-Schulz iteration in bfloat16, which many CPUs only emulate, and one matrix at a
time; here it is float32 unless the machine is good at bfloat16, and all matrices of one shape go through together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

OTHERS = 0.3  # AdamW's parameters get this share of the rate: embeddings at Muon's full rate forget what they learn


def orthogonalise(matrices: Tensor, steps: int = 5) -> Tensor:
    """Newton-Schulz: push every singular value of (N, m, n) towards 1 (to about 0.7-1.2, which is enough)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.transpose(1, 2) if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.transpose(1, 2)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.transpose(1, 2) if tall else x


class Muon(Optimizer):
    """Two groups: "matrix" parameters get Muon's update, the others AdamW's. One learning rate serves both
    (times ``OTHERS`` for the latter).

    The orthogonal update is scaled by 0.2·√max(m, n), which matches the root mean square of AdamW's (Liu et al. 2025,
    "Muon is scalable for LLM training"), so that rates mean the same for both.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        lr: float = 5e-3,
        low_precision: bool = False,
    ) -> None:
        self.dtype = torch.bfloat16 if low_precision else torch.float32  # of the Newton-Schulz iteration
        groups = [{"params": list(matrices), "kind": "matrix"}, {"params": list(others), "kind": "other"}]
        super().__init__([group for group in groups if group["params"]], {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            with_gradient = [parameter for parameter in group["params"] if parameter.grad is not None]
            if group["kind"] == "matrix":
                self._muon(with_gradient, group["lr"])
            else:
                self._adam(with_gradient, group["lr"] * OTHERS)

    def _muon(self, parameters: list[nn.Parameter], lr: float) -> None:
        by_shape: dict[tuple[int, int], list[tuple[nn.Parameter, Tensor]]] = defaultdict(list)
        for parameter in parameters:
            momentum = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
            momentum.lerp_(parameter.grad, 0.05)
            update = torch.lerp(parameter.grad, momentum, 0.95)  # Nesterov
            by_shape[len(parameter), parameter[0].numel()].append((parameter, update.flatten(1)))
        for (m, n), pairs in by_shape.items():
            updates = orthogonalise(torch.stack([update for _, update in pairs]).to(self.dtype))
            for (parameter, _), update in zip(pairs, updates, strict=True):
                parameter.add_(update.view_as(parameter).float(), alpha=-lr * 0.2 * max(m, n) ** 0.5)

    def _adam(self, parameters: list[nn.Parameter], lr: float, betas: tuple[float, float] = (0.9, 0.95)) -> None:
        for parameter in parameters:
            state = self.state[parameter]
            if not state:
                state["first"], state["second"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
                state["step"] = torch.zeros(())
            state["step"] += 1
            state["first"].lerp_(parameter.grad, 1 - betas[0])
            state["second"].lerp_(parameter.grad.square(), 1 - betas[1])
            first = state["first"] / (1 - betas[0] ** float(state["step"]))
            second = state["second"] / (1 - betas[1] ** float(state["step"]))
            parameter.addcdiv_(first, second.sqrt().add_(1e-8), value=-lr)


def make_optimizer(model: nn.Module, lr: float, low_precision: bool = False) -> Muon:
    """Linear layers and convolutions → Muon; all else (embeddings, heads, norms, biases, parameters) → AdamW.

    The type of a module decides, not its name: a layer that is linear in form but embeds or predicts is a subclass
    (models.language.Head, models.vision.PatchEmbedding, …), and goes to AdamW. Trainable parameters alone.
    """
    inner = {id(module.weight) for module in model.modules() if type(module) in (nn.Linear, nn.Conv2d)}
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in trained if id(parameter) in inner]
    others = [parameter for parameter in trained if id(parameter) not in inner]
    return Muon(matrices, others, lr, low_precision)
