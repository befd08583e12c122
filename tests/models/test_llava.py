"""LLaVA against transformers' LLaVA; its splice; a picture that is read once for many questions."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import tiny
from vlmcore.models import masks
from vlmcore.models.cache import Cache
from vlmcore.models.llava import LLaVA, splice
from vlmcore.models.word_map import embed_word_map
from vlmcore.pretrained import llava

P = 9  # patches of tiny.pixels
PICTURE = torch.full((1, P), tiny.IMAGE)


@pytest.fixture(scope="module")
def ours() -> LLaVA:
    return llava.from_transformers(tiny.llava()).requires_grad_(False)


def with_pictures(*lengths: int, seed: int = 2) -> torch.Tensor:
    """Words, a picture, words, a picture, …, words."""
    text = tiny.words(1, sum(lengths), seed=seed).split(list(lengths), dim=1)
    parts = [text[0]]
    for words in text[1:]:
        parts += [PICTURE, words]
    return torch.cat(parts, 1)


# -- against transformers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", [-2, -3, -4, 1, 2])
def test_llava(layer):
    theirs = tiny.llava(vision_feature_layer=layer)
    ours = llava.from_transformers(theirs)
    ids = torch.cat([with_pictures(2, 3, 4), with_pictures(0, 1, 8, seed=5)])  # two pictures a row
    pixels = tiny.pixels(4)
    tiny.agree(ours(ids, ours.encode_image(pixels)), theirs(input_ids=ids, pixel_values=pixels).logits)


def test_llava_without_a_picture_and_with_padding():
    theirs = tiny.llava(tiny.llama_config(tie_word_embeddings=True))
    ours, ids = llava.from_transformers(theirs), torch.cat([with_pictures(0, 6), with_pictures(4, 2)])
    tiny.agree(ours(tiny.words(2, 5)), theirs(input_ids=tiny.words(2, 5)).logits)
    real = torch.ones(ids.shape, dtype=torch.bool)
    real[1, :3] = False
    positions = (real.cumsum(1) - 1).clamp(min=0)
    expected = theirs(
        input_ids=ids, pixel_values=tiny.pixels(2), attention_mask=real.long(), position_ids=positions
    ).logits
    mask = masks.causal(ids.shape[1]) & real[:, None, None, :] | torch.eye(ids.shape[1], dtype=torch.bool)
    got = ours(ids, ours.encode_image(tiny.pixels(2)), positions=positions, mask=mask)
    tiny.agree(got[real], expected[real])


# -- splice ----------------------------------------------------------------------------------------------------------


@given(st.data())
@settings(deadline=None, max_examples=25)
def test_splice_puts_each_vector_in_its_place(data):
    rows = data.draw(st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=1, max_size=3))
    places = torch.tensor(rows)
    wanted = int(places.sum())
    pictures = data.draw(st.sampled_from([n for n in range(1, wanted + 1) if wanted % n == 0] or [1]))
    visual = torch.randn(pictures, wanted // pictures, 4)
    embeddings = torch.randn(*places.shape, 4)
    before = embeddings.clone()
    spliced = splice(embeddings, places, visual)
    queue = iter(visual.flatten(0, 1))
    for b, row in enumerate(rows):
        for t, here in enumerate(row):
            assert torch.equal(spliced[b, t], next(queue) if here else before[b, t])


@pytest.mark.parametrize("given", [8, 10, 18])
def test_a_count_that_does_not_fit_is_an_error(ours, given):
    """The very case in which the original dropped the sample without a word."""
    with pytest.raises(ValueError, match=f"room for 9 image tokens, the pictures bring {given} "):
        splice(torch.zeros(1, 12, 4), torch.arange(12)[None] < 9, torch.zeros(1, given, 4))
    with pytest.raises(ValueError, match="room for 18 image tokens, the pictures bring 9 "):
        ours(with_pictures(1, 1, 1), ours.encode_image(tiny.pixels(1)))


def test_gradients_reach_the_projector_and_not_the_vision_encoder():
    model = llava.from_transformers(tiny.llava())
    features = model.encode_image(tiny.pixels(1))
    assert not features.requires_grad and all(weight.requires_grad for weight in model.vision.parameters())
    torch.testing.assert_close(features, model.vision.features(tiny.pixels(1), skip=1), atol=0, rtol=0)
    model(with_pictures(2, 3), features)[:, -1].square().sum().backward()
    assert all(weight.grad is None for weight in model.vision.parameters())
    assert all(weight.grad.abs().sum() > 0 for weight in model.projector.parameters())


# -- packed, cached, told in words -----------------------------------------------------------------------------------


def test_every_question_about_a_packed_picture_is_the_first_one_asked(ours):
    """Two pictures with two questions each and one without a picture, in two padded rows."""
    segments = [tiny.words(1, length, seed=length) for length in (3, 5, 4, 2, 6)]
    features = ours.encode_image(tiny.pixels(2))
    padding = torch.full((1, 3), 7)
    rows = [[PICTURE, *segments[:2], segments[4], padding], [padding[:, :0], PICTURE, *segments[2:4]]]
    ids = [torch.cat(row, 1) for row in rows]
    length = ids[0].shape[1]
    ids[1] = torch.cat([ids[1], torch.full((1, length - ids[1].shape[1]), 8)], 1)

    def fill(*runs: tuple[int, int]) -> list[int]:
        row = [value for value, times in runs for _ in range(times)]
        return row + [-1] * (length - len(row))

    document = torch.tensor([fill((0, P + 8), (1, 6)), fill((2, P + 6))])
    segment = torch.tensor([fill((0, P), (1, 3), (2, 5), (1, 6)), fill((0, P), (1, 4), (2, 2))])
    positions = torch.zeros(2, length, dtype=torch.long)
    for row, counted in enumerate([[P, (P, 3), (P, 5), (0, 6)], [P, (P, 4), (P, 2)]]):
        flat = [*range(P)] + [start + i for start, count in counted[1:] for i in range(count)]
        positions[row, : len(flat)] = torch.tensor(flat)

    def packed(rows: torch.Tensor) -> torch.Tensor:
        return ours(rows, features, positions=positions, mask=masks.packed(document, segment))

    logits = packed(torch.cat(ids))
    for n, (picture, owner, which) in enumerate([(0, 0, 1), (0, 0, 2), (1, 2, 1), (1, 2, 2)]):
        alone = ours(torch.cat([PICTURE, segments[n]], 1), features[[picture]])
        tiny.agree(logits[(document == owner) & (segment == which)][None], alone[:, P:])
    tiny.agree(logits[document == 1][None], ours(segments[4]))
    padded_otherwise = torch.where(document < 0, torch.tensor(11), torch.cat(ids))
    torch.testing.assert_close(packed(padded_otherwise)[document >= 0], logits[document >= 0], atol=1e-5, rtol=0)


def test_decoding_with_a_cache_after_a_picture(ours):
    ids, features = with_pictures(2, 7), ours.encode_image(tiny.pixels(1))
    whole = ours(ids, features)
    memory = Cache(ours.config.language.transformer, 1, ids.shape[1], like=whole)
    parts = [ours(ids[:, : P + 4], features, cache=memory)]
    parts += [ours(ids[:, [i]], cache=memory) for i in range(P + 4, ids.shape[1])]
    tiny.agree(torch.cat(parts, 1), whole)


def test_a_picture_told_in_words(ours):
    ids, cells, corners = with_pictures(1, 3), tiny.words(1, P, 2), tiny.words(1, P, 4)
    embeddings = ours.language.embedding(ids).clone()
    embeddings[0, 1 : 1 + P] = embed_word_map(ours.language.embedding, cells, corners)[0]
    tiny.agree(ours(ids, cells=cells, corners=corners), ours.language(embeddings=embeddings))
    at = torch.arange(ids.shape[1])[None] == 11
    told = {"cells": cells, "corners": corners}
    tiny.agree(ours(ids, **told, logit_positions=at), ours(ids, **told)[:, 11])


def test_prompts_of_any_lengths_are_embedded_as_each_alone(ours):
    """They share one splice: a picture of one row in the places of another would still fit the count."""
    prompts = [with_pictures(2, 3), tiny.words(1, 4, seed=3), with_pictures(0, 1, 5, seed=4)]
    features = ours.encode_image(tiny.pixels(3))
    made = ours.embed_prompts([prompt[0].tolist() for prompt in prompts], features)
    alone = [(prompts[0], features[:1]), (prompts[1], None), (prompts[2], features[1:])]
    for embeddings, (prompt, its) in zip(made, alone, strict=True):
        tiny.agree(embeddings, ours.embed(prompt, its)[0])
