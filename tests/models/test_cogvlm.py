"""CogVLM against transformers' Llama, against its own language model, and against leaks and bad input."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests import tiny
from vlmcore.decoding.generate import generate
from vlmcore.models import masks
from vlmcore.models.cogvlm import Adapter, CogVLM, PictureColumns, picture_columns
from vlmcore.models.config import encoder_config
from vlmcore.models.language import LanguageModel
from vlmcore.models.vision import VisionConfig, VisionEncoder
from vlmcore.pretrained import llama
from vlmcore.text.chat import IGNORE

IMAGE = 3  # the id that stands for the picture
VISION = VisionConfig(image=12, patch=4, stem=(), transformer=encoder_config(16, 1, 2, 32))
PATCHES = 9


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def prompts(before: int = 2, after: int = 5) -> Tensor:
    """Two rows of words with a picture between them."""
    ids = tiny.words(2, before + PATCHES + 2 + after)
    ids[ids == IMAGE] = IMAGE + 1
    ids[:, before : before + PATCHES + 2] = IMAGE
    return ids


def base(**options: object) -> LanguageModel:
    return llama.from_transformers(tiny.llama(**options)).requires_grad_(False)


@pytest.fixture
def model() -> CogVLM:
    torch.manual_seed(0)
    model = CogVLM.of(base(num_key_value_heads=2), VisionEncoder(VISION), IMAGE)
    with torch.no_grad():
        for number, vector in enumerate((model.boi, model.eoi)):
            vector.copy_(random(len(vector), seed=50 + number))
    return model


def stir(model: CogVLM) -> CogVLM:
    """Experts far from their start."""
    with torch.no_grad():
        for number, (name, weight) in enumerate(model.named_parameters()):
            if ".image_" in name:
                weight.add_(random(*weight.shape, seed=number) * 0.3)
    return model


# -- oracles ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kv_heads", [4, 2])
def test_with_copied_experts_it_is_llama(kv_heads):
    """Given the same embeddings, positions and mask. A mask must be given: repeated positions alone mean packing."""
    theirs = tiny.llama(num_key_value_heads=kv_heads)
    torch.manual_seed(0)
    ours = CogVLM.of(llama.from_transformers(theirs), VisionEncoder(VISION), IMAGE).requires_grad_(False)
    ids, features = prompts(), random(2, PATCHES, 16)
    T = ids.shape[1]
    columns = picture_columns(ids, IMAGE, PATCHES)
    positions = torch.tensor([[0, 1, 2, *[3] * PATCHES, 4, 5, 6, 7, 8, 9]])
    blocked = torch.zeros(1, 1, T, T).masked_fill(~masks.causal(T), torch.finfo(torch.float32).min)
    expected = theirs(
        inputs_embeds=ours.embed(ids, features, columns),
        position_ids=positions.expand(2, -1),
        attention_mask=blocked.expand(2, -1, -1, -1),
        use_cache=False,
    ).logits
    tiny.agree(ours(ids, features), expected)
    assert not torch.allclose(stir(ours)(ids, features), expected, atol=0.1)


def test_text_is_the_language_models_own_to_the_last_bit_before_and_after_training(model):
    alone, ids = base(num_key_value_heads=2), tiny.words(2, 9).clamp(min=IMAGE + 1)
    assert torch.equal(model(ids), alone(ids))
    model.train_experts()
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    optimizer = torch.optim.SGD([weight for weight in model.parameters() if weight.requires_grad], lr=0.5)
    asked, features = prompts(), random(2, PATCHES, 16)
    for _ in range(3):
        labels = asked.clone()
        labels[:, :-4] = IGNORE
        logits = model(asked, features)
        F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORE).backward()
        optimizer.step()
        optimizer.zero_grad()
    changed = {name for name, weight in model.named_parameters() if not torch.equal(weight, before[name])}
    learning = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert learning == changed
    assert all(name.startswith(("adapter.", "boi", "eoi")) or ".image_" in name for name in changed)
    assert len(changed) > 4 * 2 + 4 and not any(name.startswith("vision.") for name in changed)
    assert torch.equal(model(ids), alone(ids))


def test_nothing_leaks_from_later_tokens(model):
    """Causal over the picture too: a patch sees the patches before it alone."""
    stir(model)
    ids, features = prompts(), random(2, PATCHES, 16)
    before = model(ids, features)
    for column in (14, 17):
        other = ids.clone()
        other[:, column] = 5 + (other[:, column] == 5)
        moved = (model(other, features) - before).abs().amax(dim=(0, 2)) > 1e-6
        assert not moved[:column].any() and moved[column:].all()
    for patch in (0, 4, 8):
        seen = features.clone()
        seen[:, patch] += 1
        moved = (model(ids, seen) - before).abs().amax(dim=(0, 2)) > 1e-6
        column = 2 + 1 + patch
        assert not moved[:column].any() and moved[column:].all()


def test_eoi_is_a_word_to_the_experts_and_boi_is_not(model):
    ids, features = prompts(before=0), random(2, PATCHES, 16)
    columns = picture_columns(ids, IMAGE, PATCHES)
    assert columns.expert == slice(0, PATCHES + 1)
    block, x = model.language.transformer.blocks[0], model.embed(ids, features, columns)
    seen = []
    for part in (block.attention.qkv, block.attention.image_qkv):
        part.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    model(ids, features)
    read = torch.cat([part for part in seen if part.shape[1]], dim=1)  # words before, picture, words after
    torch.testing.assert_close(read, block.norm1(x))
    assert [part.shape[1] for part in seen] == [0, PATCHES + 1, 1 + 5]
    assert torch.equal(x[:, 0], model.boi.expand(2, -1)) and torch.equal(x[:, PATCHES + 1], model.eoi.expand(2, -1))


# -- parts -----------------------------------------------------------------------------------------------------------


def test_all_patches_share_one_position():
    columns = PictureColumns(start=2, patches=4)
    assert columns.positions(11).tolist() == [0, 1, 2, 3, 3, 3, 3, 4, 5, 6, 7]
    assert (columns.embedding, columns.expert, columns.rotary) == (slice(2, 8), slice(2, 7), slice(3, 7))
    assert PictureColumns(0, 1).positions(4).tolist() == [0, 1, 2, 3]


def test_the_adapter_is_the_formula():
    torch.manual_seed(0)
    config = base().config.transformer
    adapter, features = Adapter(16, config).requires_grad_(False), random(2, PATCHES, 16)
    named = dict(adapter.named_parameters())
    assert set(named) == {"linear.weight", "norm.weight", "norm.bias", "mlp.up.weight", "mlp.down.weight"}
    named["norm.bias"].copy_(random(config.width, seed=1))
    x = features @ named["linear.weight"].T
    x = (x - x.mean(-1, keepdim=True)) / (x.var(-1, correction=0, keepdim=True) + 1e-5).sqrt() + named["norm.bias"]
    x = x * (1 + torch.erf(x / 2**0.5)) / 2
    gate, up = (x @ named["mlp.up.weight"].T).chunk(2, dim=-1)
    expected = (gate * gate.sigmoid() * up) @ named["mlp.down.weight"].T
    torch.testing.assert_close(adapter(features), expected, atol=1e-5, rtol=1e-4)


def test_boi_and_eoi_start_at_zero_and_parts_are_copied():
    language, vision = base(), VisionEncoder(VISION)
    model = CogVLM.of(language, vision, IMAGE)
    assert not model.boi.any() and not model.eoi.any()
    with torch.no_grad():
        model.language.embedding.weight.add_(1)
        model.vision.positions.add_(1)
    assert not torch.equal(model.language.embedding.weight, language.embedding.weight)
    assert not torch.equal(model.vision.positions, vision.positions)


def test_positions_and_masks_of_packed_rows_are_obeyed(model):
    stir(model)
    ids, features = prompts(before=0, after=6), random(2, PATCHES, 16)
    P = PATCHES + 2
    segment = torch.tensor([[0] * P + [1] * 3 + [2] * 3]).expand(2, -1)
    positions = torch.tensor([[0, *[1] * PATCHES, 2, 3, 4, 5, 3, 4, 5]]).expand(2, -1)
    both = model(ids, features, positions=positions, mask=masks.packed(torch.zeros_like(ids), segment))
    for start in (P, P + 3):
        alone = model(torch.cat([ids[:, :P], ids[:, start : start + 3]], dim=1), features)
        torch.testing.assert_close(both[:, start : start + 3], alone[:, P:], atol=1e-5, rtol=1e-5)


def test_a_picture_read_into_the_cache_is_answered_as_the_whole_row(model):
    """Prompts of different lengths, greedy: every token is what a forward pass over the whole row says."""
    stir(model).requires_grad_(False)
    features, P = random(3, PATCHES, 16), PATCHES + 2
    texts = [[5, 9, 11], [7], [12, 6, 20, 31, 8]]
    prompts = [model.language.embedding(torch.tensor(text)) for text in texts]
    prefix = model.prefix(features)
    answers = generate(model.language, prompts, stop=IMAGE, max_tokens=6, prefix=prefix)
    assert len({tuple(answer) for answer in answers}) > 1
    for row, text in enumerate(texts):
        said: list[int] = []
        while len(said) < 6:
            ids = torch.tensor([[IMAGE] * P + text + said])
            logits = model(ids, features[row : row + 1])[0, -1]
            if (token := int(logits.argmax())) == IMAGE:
                break
            said.append(token)
        assert answers[row] == said
    (told,) = generate(model.language, prompts[:1], stop=IMAGE, max_tokens=6)
    assert told != answers[0]  # the picture counts


# -- bad input -------------------------------------------------------------------------------------------------------


def test_pictures_that_do_not_fit_are_refused(model):
    ids, features = prompts(), random(2, PATCHES, 16)
    one_short, shifted, twice = ids.clone(), ids.clone(), torch.cat([ids, ids], dim=1)
    one_short[0, 2] = 5
    shifted[0] = shifted[0].roll(1)
    for wrong in (one_short, shifted, twice, ids[:, :8]):
        with pytest.raises(ValueError, match=rf"must stand {PATCHES + 2} times in a row"):
            model(wrong, features)
    words = tiny.words(2, 5).clamp(min=IMAGE + 1)
    for asked, seen in ((ids, None), (words, features)):
        with pytest.raises(ValueError, match="one of them is missing"):
            model(asked, seen)
    with pytest.raises(ValueError, match="2 rows with a picture of 9 patches"):
        model(ids, features[:1])
    with pytest.raises(ValueError, match="2 rows with a picture of 9 patches"):
        model(ids, random(2, 4, 16))
