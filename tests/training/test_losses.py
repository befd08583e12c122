"""The losses against sums made token by token."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests import tiny
from vlmcore.models import masks
from vlmcore.models.llava import LLaVA
from vlmcore.pretrained import llava
from vlmcore.text.chat import IGNORE
from vlmcore.text.packing import Batch
from vlmcore.training.losses import answer_loss, next_token_loss, supervised, word_map_loss

P = 9  # patches of tiny.pixels


def batch_of(labels: list[list[int]], **rest: Tensor) -> Batch:
    known = torch.tensor(labels)
    ids = torch.where(known == IGNORE, torch.tensor(5), known)
    T = ids.shape[1]
    shape = torch.zeros_like(ids)
    return Batch(ids, known, torch.arange(T).expand_as(ids).clone(), shape, shape + 1, **rest)


# -- the label mask --------------------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.sampled_from([IGNORE, 3, 4, 5]), min_size=7, max_size=7), min_size=1, max_size=4))
@settings(deadline=None, max_examples=40)
def test_each_place_before_a_supervised_token_is_asked_for(rows):
    positions, labels = supervised(batch_of(rows))
    wanted = [(b, t, row[t + 1]) for b, row in enumerate(rows) for t in range(6) if row[t + 1] != IGNORE]
    found = list(zip(*positions.nonzero().T.tolist(), labels.tolist(), strict=True))
    assert [place for place in found if place[2] != IGNORE] == wanted
    assert positions.shape == (len(rows), 7)


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257])
def test_sizes_are_whole_multiples(count):
    """A new size at each step cost a gigabyte of compiled products."""
    row = [IGNORE] + [3] * count + [IGNORE] * (700 - count)
    positions, labels = supervised(batch_of([row]))
    assert int(positions.sum()) == len(labels) == math.ceil(count / 256) * 256
    assert (labels == 3).sum() == count and ((labels == 3) | (labels == IGNORE)).all()


def test_a_row_without_room_for_it_is_taken_as_it_is():
    positions, labels = supervised(batch_of([[IGNORE, 3, 3, IGNORE]]))
    assert positions.all() and labels.tolist() == [3, 3, IGNORE, IGNORE]


# -- next tokens -----------------------------------------------------------------------------------------------------


def test_answer_loss_is_the_mean_surprise():
    logits, labels = torch.randn(4, 6, generator=torch.Generator().manual_seed(0)), torch.tensor([2, IGNORE, 0, 5])
    each = -(logits.double() - logits.double().logsumexp(-1, keepdim=True)).numpy()
    expected = np.mean([each[n, label] for n, label in enumerate(labels.tolist()) if label >= 0])
    assert float(answer_loss(logits, labels)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_answer_loss_is_made_in_float32(dtype):
    logits, labels = torch.randn(300, 50, generator=torch.Generator().manual_seed(0)), torch.arange(300) % 50
    loss = answer_loss(logits.to(dtype), labels)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(float(answer_loss(logits, labels)), abs=0.01)


def test_without_a_supervised_token_the_loss_is_0_and_can_be_trained():
    """The mean of nothing is not a number: a batch of pictures without questions would end the run."""
    logits = torch.zeros(0, 6, requires_grad=True)
    loss = answer_loss(logits, torch.zeros(0, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0


@pytest.fixture(scope="module")
def model() -> LLaVA:
    return llava.from_transformers(tiny.llava()).requires_grad_(False).eval()


def rows(kind: str) -> Batch:
    """Two rows: words, a picture each unless ``kind`` is "text", words; some of the last are supervised."""
    picture = torch.full((2, P), tiny.IMAGE if kind != "text" else 7)
    ids = torch.cat([tiny.words(2, 2), picture, tiny.words(2, 6, seed=5)], 1)
    labels = ids.clone()
    labels[:, : P + 4] = IGNORE
    labels[1, -1] = IGNORE
    counted = torch.arange(P + 8).expand(2, -1)
    batch = Batch(ids, labels, counted, torch.tensor([[0], [1]]).expand(2, P + 8), torch.ones_like(ids))
    if kind == "maps":
        batch.cells, batch.corners = tiny.words(2, P, 3), tiny.words(2, P, 4)
    return batch


@pytest.mark.parametrize("kind", ["text", "pictures", "maps"])
def test_next_token_loss_is_the_mean_over_the_supervised_tokens(model, kind):
    batch = rows(kind)
    features = model.encode_image(tiny.pixels(2)) if kind == "pictures" else None
    told = {"cells": batch.cells, "corners": batch.corners} if kind == "maps" else {}
    surprises = []
    for b in range(2):
        here = {name: part[[b]] for name, part in told.items()}
        logits = model(batch.ids[[b]], features[[b]] if features is not None else None, **here)[0].double()
        for t in range(P + 7):
            if (label := int(batch.labels[b, t + 1])) != IGNORE:
                surprises.append(float(logits[t].logsumexp(-1) - logits[t, label]))
    assert len(surprises) == 7
    assert float(next_token_loss(model, batch, features)) == pytest.approx(np.mean(surprises), abs=1e-4)


def test_next_token_loss_obeys_mask_and_positions(model):
    """One row of two documents is two rows of one."""
    apart = rows("text")
    flat = {"ids": apart.ids, "labels": apart.labels, "positions": apart.positions, "document": apart.document}
    joined = Batch(**{name: part.reshape(1, -1) for name, part in flat.items()}, segment=torch.ones(1, 34))
    joined.labels[:, P + 8] = IGNORE
    assert not torch.equal(joined.mask, masks.causal(34))
    together, alone = next_token_loss(model, joined), next_token_loss(model, apart)
    assert float(together) == pytest.approx(float(alone), abs=1e-4)
    apart.positions = apart.positions * 3  # what counts is how far apart tokens stand
    logits = model(apart.ids, positions=apart.positions)[:, :-1].flatten(0, 1)
    expected = F.cross_entropy(logits, apart.labels[:, 1:].flatten())
    assert float(next_token_loss(model, apart)) == pytest.approx(float(expected), abs=1e-4)
    assert abs(float(expected) - float(alone)) > 0.01


# -- word maps -------------------------------------------------------------------------------------------------------


def test_word_map_loss_is_the_share_of_variance_that_is_missed(model):
    batch, features = rows("maps"), model.encode_image(tiny.pixels(2))
    made, table = model.projector(features).double().numpy(), model.language.embedding.weight.double().numpy()
    target = table[batch.cells].sum(2) + 0.4 * table[batch.corners].sum(2)
    expected = np.mean((made - target) ** 2) / np.var(target, ddof=1)
    assert float(word_map_loss(model, batch, features)) == pytest.approx(expected, rel=1e-5)


def test_word_map_loss_of_the_maps_themselves_is_0_and_of_their_mean_1(model, monkeypatch):
    batch, features = rows("maps"), model.encode_image(tiny.pixels(2))
    table = model.language.embedding.weight
    target = table[batch.cells].sum(2) + 0.4 * table[batch.corners].sum(2)
    for made, expected in ((target, 0.0), (target.mean().expand_as(target), 1.0)):
        monkeypatch.setattr(model.projector, "forward", lambda features, made=made: made)
        assert float(word_map_loss(model, batch, features)) == pytest.approx(expected, abs=5e-3)
