"""LLaVA's configuration; what it computes is in tests/models/test_llava.py."""

from tests import tiny
from vlmcore.pretrained import llava


def test_the_configuration_is_translated():
    config = llava.from_transformers(tiny.llava(vision_feature_layer=1)).config
    assert (config.image_token, config.skip) == (tiny.IMAGE, 2)
    assert (config.vision.image, config.vision.patch, config.vision.patches, config.vision.stem) == (12, 4, 9, ())
    stack = config.language.transformer
    assert (stack.width, stack.layers, stack.heads, stack.kv_heads, stack.intermediate_size) == (32, 3, 4, 2, 48)
    assert (stack.eps, stack.rope_theta) == (1e-6, 10_000.0)
