"""Decoding against the plainest way to do it, and against transformers."""

import pytest
import torch
from torch import Tensor

from tests import tiny
from vlmcore.decoder import Decoder
from vlmcore.errors import VlmError
from vlmcore.generate import LONGEST, generate, sample, stream
from vlmcore.llava import LLaVA


@pytest.fixture(scope="module")
def pair():
    hf = tiny.llava()
    return hf, LLaVA.from_transformers(hf).eval()


def prompts_for(model: LLaVA, *lengths: int) -> list[list[int]]:
    image = [model.config.image_token] * model.config.vision.patches
    return [image + [3 + (7 * row + n) % 40 for n in range(length)] for row, length in enumerate(lengths)]


def pixels_for(model: LLaVA, count: int) -> Tensor:
    size = model.config.vision.image
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def plainly(model: LLaVA, prompt: list[int], features: Tensor, steps: int) -> list[int]:
    """Greedy decoding without a cache: everything is computed anew for each token."""
    ids = list(prompt)
    for _ in range(steps):
        ids.append(int(model(torch.tensor([ids]), features)[0, -1].argmax()))
    return ids[len(prompt) :]


def test_greedy_equals_decoding_without_a_cache_also_in_a_ragged_batch(pair):
    _, model = pair
    prompts, features = prompts_for(model, 1, 6, 3, 6), model.see(pixels_for(model, 4))
    together = generate(model, prompts, features, stop=-1, max_tokens=12)
    for row, prompt in enumerate(prompts):
        single = plainly(model, prompt, features[row : row + 1], 12)
        assert together[row] == single
        assert generate(model, [prompt], features[row : row + 1], stop=-1, max_tokens=12) == [single]
        assert list(stream(model, prompt, features[row : row + 1], stop=-1, max_tokens=12)) == single


def test_the_same_tokens_as_transformers(pair):
    hf, model = pair
    pixels, (prompt,) = pixels_for(model, 1), prompts_for(model, 5)
    ids = torch.tensor([prompt])
    theirs = hf.generate(
        input_ids=ids,
        pixel_values=pixels,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=12,
        min_new_tokens=12,
        eos_token_id=None,
        pad_token_id=0,
    )
    assert generate(model, [prompt], model.see(pixels), stop=-1, max_tokens=12)[0] == theirs[0, len(prompt) :].tolist()


def test_a_row_ends_at_its_own_stop(pair):
    _, model = pair
    prompts, features = prompts_for(model, 2, 4), model.see(pixels_for(model, 2))
    free = generate(model, prompts, features, stop=-1, max_tokens=10)
    stop = free[0][4]
    expected = [answer[: answer.index(stop)] if stop in answer else answer for answer in free]
    assert generate(model, prompts, features, stop=stop, max_tokens=10) == expected
    assert list(stream(model, prompts[0], features[:1], stop=stop, max_tokens=10)) == expected[0]


def test_rows_that_have_ended_leave_the_batch_and_the_others_notice_nothing(pair, monkeypatch):
    _, model = pair
    prompts, features = prompts_for(model, 1, 6, 3, 6, 2, 5, 4, 8), model.see(pixels_for(model, 8))
    free = generate(model, prompts, features, stop=-1, max_tokens=12)
    said = [token for answer in free for token in answer]
    stop = max(set(said), key=lambda token: len({answer.index(token) for answer in free if token in answer}))
    expected = [answer[: answer.index(stop)] if stop in answer else answer for answer in free]
    assert len({len(answer) for answer in expected}) > 2, "the answers should end at different steps"
    sizes = []
    step = Decoder.__call__
    monkeypatch.setattr(
        Decoder, "__call__", lambda self, tokens, *rest: sizes.append(len(tokens)) or step(self, tokens, *rest)
    )
    assert generate(model, prompts, features, stop=stop, max_tokens=12) == expected
    open_rows = [sum(len(answer) > n for answer in expected) for n in range(len(sizes))]
    assert all(rows <= size < 2 * rows for size, rows in zip(sizes, open_rows, strict=True))
    assert sizes[-1] < len(prompts)


def test_sampling_follows_the_distribution_and_top_p_cuts_its_tail():
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().expand(20_000, 4)
    for temperature in (1.0, 0.5):
        drawn = sample(logits, temperature, 1.0, torch.Generator().manual_seed(0)).bincount(minlength=4) / 20_000
        exact = (logits[0] / temperature).softmax(-1)
        assert (drawn - exact).abs().max() < 0.015
    nucleus = sample(logits, 1.0, 0.6, torch.Generator().manual_seed(0)).bincount(minlength=4) / 20_000
    assert (nucleus - torch.tensor([0.625, 0.375, 0, 0])).abs().max() < 0.015


def test_sampling_is_reproducible_by_its_seed(pair):
    _, model = pair
    prompts, features = prompts_for(model, 3), model.see(pixels_for(model, 1))
    draws = [
        generate(model, prompts, features, stop=-1, max_tokens=12, temperature=2.0, seed=seed) for seed in (1, 1, 2)
    ]
    assert draws[0] == draws[1] != draws[2]


def test_errors_say_what_to_do(pair):
    _, model = pair
    with pytest.raises(VlmError, match="empty prompt"):
        generate(model, [[]], stop=0)
    with pytest.raises(VlmError, match="at least 1"):
        generate(model, [[5]], stop=0, max_tokens=0)
    for wrong in ({"temperature": -1.0}, {"temperature": 1.0, "top_p": 0.0}, {"temperature": 1.0, "top_p": 1.5}):
        with pytest.raises(VlmError, match="temperature must be at least 0, top_p above 0"):
            generate(model, [[5]], stop=0, **wrong)
    with pytest.raises(VlmError, match="ask in fewer words"):
        generate(model, [[5] * LONGEST], stop=0)
