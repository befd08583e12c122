"""The numbers that fix a stack of transformer blocks, in one frozen dataclass. The defaults are Llama's family."""

from __future__ import annotations

from dataclasses import dataclass

from vlmcore.models.activations import ACTIVATIONS


@dataclass(frozen=True)
class TransformerConfig:
    """Everything that fixes a stack of blocks."""

    width: int = 192  # D, of the residual stream
    layers: int = 6
    heads: int = 6  # H query heads
    kv_heads: int = 6  # K key/value heads; fewer than heads is grouped-query attention
    intermediate_size: int = 512  # the inner width of the MLP
    activation: str = "swiglu"  # "swiglu", "gelu" (exact) or "quick_gelu" (CLIP)
    norm: str = "rms"  # "rms" or "layer"
    eps: float = 1e-5  # inside the norms
    bias: bool = False  # on every linear layer
    rope_theta: float | None = 10_000.0  # None: no rotary positions, the model adds learned ones itself

    def __post_init__(self) -> None:
        assert self.width % self.heads == 0, f"width {self.width} must be divisible by heads {self.heads}"
        assert self.heads % self.kv_heads == 0, f"heads {self.heads} must be divisible by kv_heads {self.kv_heads}"
        assert self.activation in ACTIVATIONS, f"activation {self.activation!r} must be one of {sorted(ACTIVATIONS)}"
        assert self.norm in ("rms", "layer"), f"norm {self.norm!r} must be 'rms' or 'layer'"

    @property
    def head_width(self) -> int:
        """d = D / H."""
        return self.width // self.heads


def encoder_config(width: int, layers: int, heads: int, intermediate_size: int) -> TransformerConfig:
    """The other family, CLIP's, for encoders: LayerNorm, biases, GELU, learned positions added outside the stack."""
    return TransformerConfig(
        width, layers, heads, heads, intermediate_size, activation="gelu", norm="layer", bias=True, rope_theta=None
    )
