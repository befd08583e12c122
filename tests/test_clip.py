"""CLIP against transformers' CLIP, its losses against formulas in NumPy."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from tests import tiny
from vlmcore.clip import CLIP, NOTHING, RegionCLIP, TextEncoder, contrastive_loss

# captions that end at different places, with other tokens or more EOS behind the end
CAPTIONS = torch.tensor([[28, 3, 4, 5, 6, 29], [28, 7, 29, 1, 2, 3], [28, 29, 29, 29, 29, 29], [28, 3, 4, 29, 0, 0]])
LAST = torch.tensor([5, 2, 1, 3])


@pytest.fixture(scope="module")
def pair():
    theirs = tiny.clip(text={"hidden_act": "gelu", "num_hidden_layers": 2, "hidden_size": 16})
    with torch.no_grad():
        theirs.logit_scale.fill_(2.0)
    return CLIP.from_transformers(theirs), theirs


def test_pictures(pair):
    ours, theirs = pair
    expected = theirs.get_image_features(tiny.pixels(3)).pooler_output
    tiny.agree(ours.encode_pictures(tiny.pixels(3)), normalize(expected, dim=-1))


def test_texts_are_read_up_to_their_end(pair):
    ours, theirs = pair
    expected = theirs.get_text_features(CAPTIONS).pooler_output
    tiny.agree(ours.encode_texts(CAPTIONS, LAST), normalize(expected, dim=-1))


def test_similarities(pair):
    ours, theirs = pair
    expected = theirs(input_ids=CAPTIONS, pixel_values=tiny.pixels(3)).logits_per_image
    assert expected.shape == (3, 4)
    tiny.agree(ours(tiny.pixels(3), CAPTIONS, LAST), expected)


def test_text_encoder_alone():
    theirs = tiny.clip_text()
    tiny.agree(TextEncoder.from_transformers(theirs)(CAPTIONS, LAST), theirs(CAPTIONS).pooler_output)


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


@pytest.fixture
def regions():
    """A tower without a class token, three names, two pictures of nine patches."""
    torch.manual_seed(0)
    clip = CLIP.from_transformers(tiny.clip()).config
    model = RegionCLIP(CLIP(replace(clip, vision=replace(clip.vision, class_token=False))))
    with torch.no_grad():
        model.clip.log_scale.fill_(1.5)
    owner = torch.tensor([[0, 1, 2, 0, -100, 0, 1, 1, 0], [0] * 8 + [2]])
    boxes = torch.rand(2, 9, 4)
    boxes[owner <= 0] = torch.nan
    names = {"names": CAPTIONS[:3], "names_last": LAST[:3]}
    batch = {
        "pixels": tiny.pixels(2),
        "captions": CAPTIONS[:2],
        "captions_last": LAST[:2],
        "regions": owner,
        "boxes": boxes,
    }
    return model, batch | names


def test_region_losses_are_the_formulas(regions):
    model, batch = regions
    losses = {name: float(loss.detach()) for name, loss in model(batch).items()}
    clip, scale = model.clip, np.exp(1.5)
    with torch.no_grad():
        patches = clip.vision.norm(clip.vision(batch["pixels"]))
        captions = clip.encode_texts(batch["captions"], batch["captions_last"]).numpy()
        names = clip.encode_texts(batch["names"], batch["names_last"]).numpy()
        looks = normalize(model.region_projection(patches), dim=-1).numpy()
        boxes, pictures = model.box(patches).numpy(), clip.encode_pictures(batch["pixels"]).numpy()
    s = scale * pictures @ captions.T
    assert losses["pictures"] == pytest.approx(
        -(np.diag(log_softmax(s, 1)) + np.diag(log_softmax(s, 0))).mean() / 2, abs=1e-4
    )
    cost = total = 0.0
    distances = []
    for b in range(2):
        for p in range(9):
            owner = int(batch["regions"][b, p])
            if owner >= 0:
                weight = NOTHING if owner == 0 else 1.0
                cost -= weight * log_softmax(scale * looks[b, p] @ names.T, 0)[owner]
                total += weight
            if owner > 0:
                distances.append(np.abs(boxes[b, p] - batch["boxes"][b, p].numpy()).mean())
    assert losses["regions"] == pytest.approx(cost / total, abs=1e-4)
    assert losses["boxes"] == pytest.approx(np.mean(distances), abs=1e-4)


def test_pictures_without_things_still_train(regions):
    model, batch = regions
    losses = model(batch | {"regions": torch.zeros(2, 9, dtype=torch.long), "boxes": torch.full((2, 9, 4), torch.nan)})
    assert losses["boxes"] == 0
    sum(losses.values()).backward()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in model.parameters())


def test_without_a_class_token_the_patches_vote(regions):
    clip, pixels = regions[0].clip, tiny.pixels(2)
    patches = clip.vision.features(pixels)
    assert patches.shape == (2, 9, 32)
    expected = normalize(clip.picture_projection(sum(patches.unbind(1)) / 9), dim=-1)
    torch.testing.assert_close(clip.encode_pictures(pixels), expected, atol=1e-5, rtol=0)
