"""CLIP against transformers' CLIP, its losses against formulas in NumPy."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from tests import tiny
from vlmcore.models.clip import CLIP, contrastive_loss
from vlmcore.pretrained import clip

# captions that end at different places, with other tokens or more EOS behind the end
CAPTIONS = torch.tensor([[28, 3, 4, 5, 6, 29], [28, 7, 29, 1, 2, 3], [28, 29, 29, 29, 29, 29], [28, 3, 4, 29, 0, 0]])
LAST = torch.tensor([5, 2, 1, 3])


@pytest.fixture(scope="module")
def pair():
    theirs = tiny.clip(text={"hidden_act": "gelu", "num_hidden_layers": 2, "hidden_size": 16})
    with torch.no_grad():
        theirs.logit_scale.fill_(2.0)
    return clip.from_transformers(theirs), theirs


def test_pictures(pair):
    ours, theirs = pair
    expected = theirs.get_image_features(tiny.pixels(3)).pooler_output
    tiny.agree(ours.encode_image(tiny.pixels(3)), normalize(expected, dim=-1))


def test_texts_are_read_up_to_their_end(pair):
    ours, theirs = pair
    expected = theirs.get_text_features(CAPTIONS).pooler_output
    tiny.agree(ours.encode_text(CAPTIONS, LAST), normalize(expected, dim=-1))


def test_similarities(pair):
    ours, theirs = pair
    expected = theirs(input_ids=CAPTIONS, pixel_values=tiny.pixels(3)).logits_per_image
    assert expected.shape == (3, 4)
    tiny.agree(ours(tiny.pixels(3), CAPTIONS, LAST), expected)


def test_text_encoder_alone():
    theirs = tiny.clip_text()
    tiny.agree(clip.text_from_transformers(theirs)(CAPTIONS, LAST), theirs(CAPTIONS).pooler_output)


def test_text_encoder_ignores_what_follows_the_end(pair):
    encoder, ids = pair[0].text, CAPTIONS.clone()
    for row, last in zip(ids, LAST):
        row[last + 1 :] = torch.randint(30, (5 - int(last),))
    torch.testing.assert_close(encoder(ids, LAST), encoder(CAPTIONS, LAST), atol=1e-6, rtol=0)
    ids = CAPTIONS.clone()
    ids[torch.arange(4), LAST - 1] = 11  # what stands before the end does matter
    assert ((encoder(ids, LAST) - encoder(CAPTIONS, LAST)).abs().amax(1) > 0.05).all()


def test_captions_that_are_too_long_are_refused(pair):
    with pytest.raises(AssertionError, match="captions of 10 tokens, the text encoder reads 9"):
        pair[0].text(tiny.words(1, 10) % 30, torch.tensor([9]))


# -- losses ----------------------------------------------------------------------------------------------------------


def log_softmax(x: np.ndarray, axis: int) -> np.ndarray:
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def test_contrastive_loss_is_the_formula():
    similarity = torch.randn(5, 5, generator=torch.Generator().manual_seed(0)) * 3
    s = similarity.double().numpy()
    both = -np.diag(log_softmax(s, 1)).mean() / 2 - np.diag(log_softmax(s, 0)).mean() / 2
    assert float(contrastive_loss(similarity)) == pytest.approx(both, abs=1e-5)
    assert float(contrastive_loss(torch.zeros(5, 5))) == pytest.approx(np.log(5), abs=1e-6)
    assert float(contrastive_loss(50 * torch.eye(5))) < 1e-6


def test_contrastive_loss_pulls_pairs_together_and_pushes_the_rest_apart():
    similarity = torch.randn(5, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    contrastive_loss(similarity).backward()
    pairs = torch.eye(5, dtype=torch.bool)
    assert (similarity.grad[pairs] < 0).all() and (similarity.grad[~pairs] > 0).all()
    assert float(similarity.grad.sum()) == pytest.approx(0, abs=1e-6)


def test_without_a_class_token_the_patches_vote(pair):
    config = pair[0].config
    torch.manual_seed(0)
    ours, pixels = CLIP(replace(config, vision=replace(config.vision, class_token=False))), tiny.pixels(2)
    patches = ours.vision.features(pixels)
    assert patches.shape == (2, 9, 32)
    expected = normalize(ours.picture_projection(sum(patches.unbind(1)) / 9), dim=-1)
    torch.testing.assert_close(ours.encode_image(pixels), expected, atol=1e-5, rtol=0)
