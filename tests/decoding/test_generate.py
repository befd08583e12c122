"""Decoding against the plainest way to do it, and against transformers."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from tests import tiny
from vlmcore.decoding import generate as module
from vlmcore.decoding.generate import LONGEST, generate, stream
from vlmcore.errors import VlmError
from vlmcore.models.config import TransformerConfig
from vlmcore.models.language import LanguageConfig, LanguageModel
from vlmcore.models.llava import LLaVA
from vlmcore.pretrained import llama, llava


@pytest.fixture(scope="module")
def pair():
    hf = tiny.llava()
    return hf, llava.from_transformers(hf).eval()


def prompts_for(model: LLaVA, *lengths: int) -> list[list[int]]:
    image = [model.config.image_token] * model.config.vision.patches
    return [image + [3 + (7 * row + n) % 40 for n in range(length)] for row, length in enumerate(lengths)]


def pixels_for(model: LLaVA, count: int) -> Tensor:
    size = model.config.vision.image
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def asked(model: LLaVA, *lengths: int) -> tuple[list[list[int]], Tensor, list[Tensor]]:
    """Prompts with a picture each: as ids, the pictures' features, and as ``generate`` takes them."""
    prompts, features = prompts_for(model, *lengths), model.encode_image(pixels_for(model, len(lengths)))
    return prompts, features, model.embed_prompts(prompts, features)


@torch.no_grad()
def plainly(model: LLaVA, prompt: list[int], features: Tensor, steps: int) -> list[int]:
    """Greedy decoding without a cache: everything is computed anew for each token."""
    ids = list(prompt)
    for _ in range(steps):
        ids.append(int(model(torch.tensor([ids]), features)[0, -1].argmax()))
    return ids[len(prompt) :]


def test_greedy_equals_decoding_without_a_cache_also_in_a_ragged_batch(pair):
    _, model = pair
    prompts, features, embedded = asked(model, 1, 6, 3, 6)
    together = generate(model.language, embedded, stop=-1, max_tokens=12)
    for row, prompt in enumerate(prompts):
        single = plainly(model, prompt, features[row : row + 1], 12)
        assert together[row] == single
        assert generate(model.language, [embedded[row]], stop=-1, max_tokens=12) == [single]
        assert list(stream(model.language, embedded[row], stop=-1, max_tokens=12)) == single


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
    embedded = model.embed_prompts([prompt], model.encode_image(pixels))
    assert generate(model.language, embedded, stop=-1, max_tokens=12)[0] == theirs[0, len(prompt) :].tolist()


def test_a_row_ends_at_its_own_stop(pair):
    _, model = pair
    _, _, embedded = asked(model, 2, 4)
    free = generate(model.language, embedded, stop=-1, max_tokens=10)
    stop = free[0][4]
    expected = [answer[: answer.index(stop)] if stop in answer else answer for answer in free]
    assert generate(model.language, embedded, stop=stop, max_tokens=10) == expected
    assert list(stream(model.language, embedded[0], stop=stop, max_tokens=10)) == expected[0]


def test_rows_that_have_ended_leave_the_batch_and_the_others_notice_nothing(pair, monkeypatch):
    _, model = pair
    _, _, embedded = asked(model, 1, 6, 3, 6, 2, 5, 4, 8)
    free = generate(model.language, embedded, stop=-1, max_tokens=12)
    said = [token for answer in free for token in answer]
    stop = max(set(said), key=lambda token: len({answer.index(token) for answer in free if token in answer}))
    expected = [answer[: answer.index(stop)] if stop in answer else answer for answer in free]
    assert len({len(answer) for answer in expected}) > 2, "the answers should end at different steps"
    sizes = []
    step = module.decode_step
    monkeypatch.setattr(
        module, "decode_step", lambda model, tokens, *rest: sizes.append(len(tokens)) or step(model, tokens, *rest)
    )
    assert generate(model.language, embedded, stop=stop, max_tokens=12) == expected
    open_rows = [sum(len(answer) > n for answer in expected) for n in range(len(sizes))]
    assert all(rows <= size < 2 * rows for size, rows in zip(sizes, open_rows, strict=True))
    assert sizes[-1] < len(embedded)


def test_sampling_is_reproducible_by_its_seed(pair):
    _, model = pair
    _, _, embedded = asked(model, 3)
    draws = [
        generate(model.language, embedded, stop=-1, max_tokens=12, temperature=2.0, seed=seed) for seed in (1, 1, 2)
    ]
    assert draws[0] == draws[1] != draws[2]


def test_errors_say_what_to_do(pair):
    language = pair[1].language

    def words(count: int) -> list[Tensor]:
        return [language.embedding(torch.full((count,), 5))]

    for empty in ([], words(0), words(3) + words(0)):
        with pytest.raises(VlmError, match="empty prompt"):
            generate(language, empty, stop=0)
    with pytest.raises(VlmError, match="at least 1"):
        generate(language, words(1), stop=0, max_tokens=0)
    for wrong in ({"temperature": -1.0}, {"temperature": 1.0, "top_p": 0.0}, {"temperature": 1.0, "top_p": 1.5}):
        with pytest.raises(VlmError, match="temperature must be at least 0, top_p above 0"):
            generate(language, words(1), stop=0, **wrong)
    with pytest.raises(VlmError, match="ask in fewer words"):
        generate(language, words(LONGEST), stop=0)


# -- any language model ----------------------------------------------------------------------------------------------

SMALL = TransformerConfig(width=32, layers=2, heads=4, kv_heads=2, intermediate_size=48)
LEARNED = replace(SMALL, rope_theta=None)


def language_model(stack: TransformerConfig = SMALL, learned: int | None = None) -> LanguageModel:
    torch.manual_seed(0)
    model = LanguageModel(LanguageConfig(41, stack, tied=False, learned_positions=learned)).requires_grad_(False)
    for weight in model.parameters():
        weight.add_(torch.randn_like(weight) * 0.2)  # far from the start, where a token likes to repeat itself
    return model.eval()


PROMPTS = [[3, 4, 5], [6], [7, 8, 9, 10, 11, 12], [5, 5]]


@torch.no_grad()
def recomputed(model: LanguageModel, prompt: list[int], steps: int, allowed=None) -> list[int]:
    """Greedy, without a cache, a batch or a mask."""
    ids = list(prompt)
    for step in range(steps):
        logits = model(torch.tensor([ids]))[0, -1]
        if allowed is not None:
            logits[~allowed(step)] = -torch.inf
        ids.append(int(logits.argmax()))
    return ids[len(prompt) :]


def embedded(model: LanguageModel, prompts: list[list[int]] = PROMPTS) -> list[Tensor]:
    return [model.embedding(torch.tensor(prompt)) for prompt in prompts]


@pytest.mark.parametrize("learned", [None, 16], ids=["rotary", "learned positions"])
def test_a_language_model_without_a_picture(learned):
    """Decoding that knew LLaVA alone could not serve a CodeGeeX or a DALL·E."""
    model = language_model(LEARNED if learned else SMALL, learned)
    answers = generate(model, embedded(model), stop=-1, max_tokens=9)
    assert answers == [recomputed(model, prompt, 9) for prompt in PROMPTS]
    assert len({tuple(answer) for answer in answers}) == 4, "these answers hardly differ: agreeing shows nothing"


def test_the_same_tokens_as_llama():
    theirs = tiny.llama(num_key_value_heads=2)
    model, ids = llama.from_transformers(theirs), tiny.words(1, 6)
    expected = theirs.generate(ids, do_sample=False, max_new_tokens=10, min_new_tokens=10, eos_token_id=None)
    assert generate(model, list(model.embedding(ids)), stop=-1, max_tokens=10)[0] == expected[0, 6:].tolist()


def test_learned_positions_end_where_their_table_does():
    """Past its end there is no position to add: an IndexError from the middle of an answer."""
    model = language_model(LEARNED, learned=10)
    prompt = [[3, 4, 5, 6, 7, 8]]
    assert generate(model, embedded(model, prompt), stop=-1, max_tokens=4) == [recomputed(model, prompt[0], 4)]
    with pytest.raises(VlmError, match=r"may have 10 tokens together, not 6 \+ 5: ask in fewer words"):
        generate(model, embedded(model, prompt), stop=-1, max_tokens=5)


def test_the_last_word_of_an_odd_vocabulary_may_be_the_picture():
    """Padding was once the image token's neighbour, token ^ 1: here it stands behind the table's end."""
    hf = tiny.llava(tiny.llama_config(vocab_size=51), image_token_index=50)
    model = llava.from_transformers(hf).eval()
    prompts, features, embedded = asked(model, 1, 5)
    answers = generate(model.language, embedded, stop=-1, max_tokens=6)
    assert answers == [plainly(model, prompt, features[[row]], 6) for row, prompt in enumerate(prompts)]


# -- what a step may say ---------------------------------------------------------------------------------------------


def alternating(step: int) -> Tensor:
    """Even tokens at even steps, odd ones at odd steps."""
    return torch.arange(41) % 2 == step % 2


def test_each_step_says_what_it_is_allowed_to_say():
    """A painter must write image tokens and nothing else; the first token counts, and it comes from the prefill."""
    model = language_model()
    answers = generate(model, embedded(model), stop=-1, max_tokens=8, allowed=alternating)
    assert answers == [recomputed(model, prompt, 8, alternating) for prompt in PROMPTS]
    assert answers != generate(model, embedded(model), stop=-1, max_tokens=8)
    assert list(stream(model, embedded(model)[0], stop=-1, max_tokens=8, allowed=alternating)) == answers[0]


def test_sampling_too_says_what_it_is_allowed_to_say():
    model = language_model()
    how = {"stop": -1, "max_tokens": 30, "temperature": 5.0, "seed": 3}
    answers = generate(model, embedded(model), allowed=alternating, **how)
    assert all(token % 2 == step % 2 for answer in answers for step, token in enumerate(answer))
    assert len({token for answer in answers for token in answer}) > 20, "it should choose from all that is allowed"
    only = torch.arange(41) == 17
    assert generate(model, embedded(model), allowed=lambda step: only, **how) == [[17] * 30] * 4


def test_a_stop_that_is_not_allowed_is_not_said():
    model = language_model()
    stop = generate(model, embedded(model), stop=-1, max_tokens=1)[0][0]
    assert generate(model, embedded(model)[:1], stop=stop, max_tokens=5) == [[]]
    (answer,) = generate(
        model, embedded(model)[:1], stop=stop, max_tokens=5, allowed=lambda step: torch.arange(41) != stop
    )
    assert len(answer) == 5 and stop not in answer


# -- other layers in a layer's place ---------------------------------------------------------------------------------


class Lora(nn.Linear):
    """A linear layer with a low-rank addition, as fine-tuning puts it in."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__(layer.in_features, layer.out_features, bias=False)
        self.weight = layer.weight
        self.narrow, self.widen = nn.Linear(layer.in_features, 2), nn.Linear(2, layer.out_features)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + self.widen(self.narrow(x))


class Int8(nn.Module):
    """A linear layer without a weight that anyone could take: integers and a scale, as quantisation leaves them."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        scale = layer.weight.abs().amax(1) / 2  # so coarse that it shows
        self.register_buffer("rounded", (layer.weight / scale[:, None]).round().to(torch.int8))
        self.register_buffer("scale", scale)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.rounded.to(x.dtype).T * self.scale


PLACES = ["attention.qkv", "attention.out", "mlp.up", "mlp.down", "head"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", [Lora, Int8])
def test_a_layer_in_a_layers_place_is_obeyed(kind, place):
    """Decode steps once made their products with the weights alone: LoRA was left out after the first token."""
    model = language_model()
    plain = [recomputed(model, prompt, 9) for prompt in PROMPTS]
    torch.manual_seed(1)
    for part in [model] if place == "head" else model.transformer.blocks:
        part.set_submodule(place, kind(part.get_submodule(place)).requires_grad_(False))
    answers = generate(model, embedded(model), stop=-1, max_tokens=9)
    assert answers == [recomputed(model, prompt, 9) for prompt in PROMPTS]
    assert answers != plain, "it makes no difference: obeying it shows nothing"


def test_another_mlp_in_its_place_is_obeyed():
    model = language_model()
    plain = generate(model, embedded(model), stop=-1, max_tokens=9)
    torch.manual_seed(1)
    for block in model.transformer.blocks:
        block.mlp = nn.Sequential(nn.Linear(32, 8), nn.Tanh(), nn.Linear(8, 32)).requires_grad_(False)
    answers = generate(model, embedded(model), stop=-1, max_tokens=9)
    assert answers == [recomputed(model, prompt, 9) for prompt in PROMPTS] != plain
