"""CLIP's towers, inside a whole CLIP and out of it."""

import torch
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from tests import tiny
from vlmcore.pretrained import clip

CAPTIONS, LAST = torch.tensor([[28, 3, 4, 29, 5], [28, 6, 7, 8, 29]]), torch.tensor([3, 4])


def test_the_vision_model_inside_clip():
    theirs = tiny.clip()
    expected = theirs.vision_model(tiny.pixels(2)).last_hidden_state
    tiny.agree(clip.vision_from_transformers(theirs.vision_model)(tiny.pixels(2)), expected)
    expected = theirs.text_model(CAPTIONS).pooler_output
    tiny.agree(clip.text_from_transformers(theirs.text_model)(CAPTIONS, LAST), expected)


def test_pixels_are_normalised_as_openai_did():
    assert list(clip.MEAN) == OPENAI_CLIP_MEAN and list(clip.DEVIATION) == OPENAI_CLIP_STD
    config = clip.from_transformers(tiny.clip()).config.vision
    assert (config.mean, config.deviation) == (clip.MEAN, clip.DEVIATION)
