"""Drawing against a loop that reads everything anew for each code."""

import pytest
import torch

from vlmcore.decoding.draw import Drawing, draw
from vlmcore.errors import VlmError
from vlmcore.models.cogview import CogViewBlock
from vlmcore.models.config import TransformerConfig
from vlmcore.models.dalle import DALLE
from vlmcore.models.language import LanguageConfig, LanguageModel

CODES, COUNT = range(20, 36), 9
PROMPTS, BLANK = [[3, 5, 7, 11], [2, 3], [13, 17, 5]], [3, 1]
ROTARY = TransformerConfig(width=32, layers=2, heads=4, kv_heads=4, intermediate_size=48)
LEARNED = TransformerConfig(
    width=32, layers=3, heads=4, kv_heads=4, intermediate_size=48, activation="gelu", norm="layer", bias=True,
    rope_theta=None,
)  # fmt: skip


def stirred(model: LanguageModel) -> LanguageModel:
    """Every code as likely to come next as it is alone: what a row says then depends on what it has read."""
    generator = torch.Generator().manual_seed(0)
    for weight in model.parameters():
        weight.requires_grad_(False).add_(0.1 * torch.randn(weight.shape, generator=generator))
    return model.eval()


@pytest.fixture(scope="module", params=["plain", "cogview"])
def model(request) -> LanguageModel:
    torch.manual_seed(0)
    block = {"block": CogViewBlock} if request.param == "cogview" else {}
    return stirred(LanguageModel(LanguageConfig(40, ROTARY), **block))


def slowly(model: LanguageModel, prompt: list[int], blank: list[int] | None = None, guidance: float = 1.0) -> list[int]:
    """The likeliest codes, one by one, all that came before read anew each time."""
    said: list[int] = []
    for _ in range(COUNT):
        (told,) = model(torch.tensor([[*prompt, *said]]))[:, -1, CODES.start : CODES.stop]
        if blank is not None:
            (untold,) = model(torch.tensor([[*blank, *said]]))[:, -1, CODES.start : CODES.stop]
            told = untold + guidance * (told - untold)
        said.append(CODES.start + int(told.argmax()))
    return [token - CODES.start for token in said]


def drawn(model: LanguageModel, prompts: list[list[int]], how: Drawing, **more: object) -> list[list[int]]:
    return torch.stack(list(draw(model, prompts, CODES, COUNT, how, **more)), 1).tolist()


def test_without_chance_it_takes_the_likeliest_codes(model):
    """Rows of different lengths at once."""
    expected = [slowly(model, prompt) for prompt in PROMPTS]
    assert drawn(model, PROMPTS, Drawing(temperature=0)) == expected
    assert len({tuple(codes) for codes in expected}) > 1 and len({code for codes in expected for code in codes}) > 3


@pytest.mark.parametrize("guidance", [0.0, 0.5, 3.0])
def test_guidance_goes_on_in_the_direction_of_the_text(model, guidance):
    expected = [slowly(model, prompt, BLANK, guidance) for prompt in PROMPTS]
    assert drawn(model, PROMPTS, Drawing(0, guidance=guidance), blank=BLANK) == expected
    if guidance == 0:  # no text at all
        assert len({tuple(codes) for codes in expected}) == 1


def test_dall_es_rows_are_all_of_one_length():
    text, side = 4, 3
    config = LanguageConfig(40, LEARNED, learned_positions=text + side * side)
    model = stirred(DALLE(config, text, side))
    prompts = [[3, 5, 7, 11], [2, 3, 18, 19]]
    assert drawn(model, prompts, Drawing(temperature=0)) == [slowly(model, prompt) for prompt in prompts]


def test_a_seed_is_a_picture(model):
    first, again, other = (drawn(model, PROMPTS, Drawing(2.0), seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert {code for codes in first for code in codes} <= set(range(len(CODES)))


def test_of_the_likeliest_alone(model):
    one = drawn(model, PROMPTS, Drawing(5.0, top_k=1))
    assert one == drawn(model, PROMPTS, Drawing(temperature=0))
    few = {codes[0] for seed in range(40) for codes in drawn(model, PROMPTS[:1], Drawing(5.0, top_k=3), seed=seed)}
    (logits,) = model(torch.tensor(PROMPTS[:1]))[:, -1, CODES.start : CODES.stop]
    assert few == set(logits.topk(3).indices.tolist())


def test_codes_come_one_by_one(model):
    drawing = draw(model, PROMPTS, CODES, COUNT)
    first = next(drawing)
    assert first.shape == (3,) and len(list(drawing)) == COUNT - 1


@pytest.mark.parametrize(
    ("prompts", "how", "said"),
    [
        ([], {}, "nothing to draw"), ([[3], []], {}, "nothing to draw"), (PROMPTS, {"guidance": 2.0}, "pass blank"),
        (PROMPTS, {"temperature": -1.0}, "at least 0"), (PROMPTS, {"top_k": 0}, "at least 1"),
        (PROMPTS, {"guidance": -0.5}, "at least 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn(model, prompts, how, said):
    with pytest.raises(VlmError, match=said):
        next(draw(model, prompts, CODES, COUNT, Drawing(**how)))
