"""The five models that are compared: what they begin as, what of them learns, and that they are trained and scored."""

from dataclasses import replace

import pytest
import torch

from tests.one_tokenizer import one_tokenizer
from tests.tiny_run import TINY_COGVLM, train_tiny_cogvlm
from vlmcore import load
from vlmcore.assistant import Assistant
from vlmcore.evaluation import grounding
from vlmcore.evaluation.benchmark import TASKS
from vlmcore.evaluation.expert_ablations import (
    MODELS,
    bits,
    expert_ablations,
    running_text,
    trained_weights,
)  # fmt: skip
from vlmcore.models.cache import Cache

SEEDS = (0, 1)


@pytest.fixture(scope="module", autouse=True)
def tokenizer():
    with one_tokenizer():
        yield


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Assistant:
    folder = tmp_path_factory.mktemp("base") / "run"
    train_tiny_cogvlm(folder, False)
    return load(folder)


@pytest.fixture(scope="module")
def models(base):
    torch.manual_seed(0)
    return {name: build(base.model) for name, build in MODELS.items()}


def logits(model, seed=0):
    """Of a row with a picture, as its columns count it."""
    columns, generator = model.columns, torch.Generator().manual_seed(seed)
    words = torch.randint(10, 200, (1, 7), generator=generator)
    ids = torch.cat([torch.full((1, columns.embedding.stop), model.config.image_token), words], 1)
    features = torch.randn(1, columns.patches, model.config.vision.transformer.width, generator=generator)
    with torch.no_grad():
        return model(ids, features, positions=columns.positions(ids.shape[1])[None])[:, -7:]


def test_as_many_weights_learn_in_each(models):
    counts = {name: trained_weights(model) for name, model in models.items()}
    assert counts["CogVLM"] == counts["random experts"] == counts["running positions"]
    layers, width = (getattr(models["CogVLM"].config.language.transformer, name) for name in ("layers", "width"))
    assert abs(counts["MLP experts"] - counts["CogVLM"]) < layers * 3 * width  # rounded-off rows
    assert counts["CogVLM"] - counts["LLaVA's way"] == 2 * width - 2 * layers * width  # boi and eoi; the shared norms


def test_experts_that_begin_as_copies_change_nothing(models):
    """The same embeddings, the same positions: with the expert begun as the language model both say the same."""
    torch.testing.assert_close(logits(models["MLP experts"]), with_adapter_of("CogVLM", "MLP experts", models))
    other = with_adapter_of("CogVLM", "random experts", models)
    assert (logits(models["random experts"]) - other).abs().max() > 1e-3


def with_adapter_of(name, other, models):
    """What one model says with another's adapter: adapters begin at random."""
    model, old = models[name], models[name].adapter
    model.adapter = models[other].adapter
    said = logits(model)
    model.adapter = old
    return said


def test_running_positions_count_every_patch_in_training_and_in_decoding(models, base):
    model = models["running positions"]
    patches = model.config.vision.patches
    assert model.columns.positions(patches + 4).tolist() == list(range(patches + 4))
    features = torch.randn(1, patches, model.config.vision.transformer.width)
    prefix = model.prefix(features)
    cache = Cache(model.config.language.transformer, 1, prefix.columns, like=features)
    assert prefix.read(cache) == patches + 2
    assert base.model.columns.positions(patches + 4).tolist()[-1] == 4


def test_what_learns_and_what_does_not(models, base):
    for name, model in models.items():
        learns = {key for key, weight in model.named_parameters() if weight.requires_grad}
        assert not any(key.startswith(("vision.", "language.embedding", "language.head")) for key in learns), name
        if name != "LLaVA's way":
            assert all(".image_" in key or key.startswith(("adapter.", "boi", "eoi")) for key in learns), name
    way, own = models["LLaVA's way"], base.model.language.state_dict()
    assert all(torch.equal(value, own[name]) for name, value in way.language.state_dict().items())


@pytest.mark.slow
def test_all_are_trained_and_scored_once_a_seed_and_none_twice(base, tmp_path, monkeypatch):
    short = replace(TINY_COGVLM, scenes=12)
    answer_all = Assistant.answer_all
    monkeypatch.setattr(Assistant, "answer_all", lambda self, asked: answer_all(self, asked, max_tokens=6))
    found = expert_ablations(base, short, tmp_path, 1, 0, SEEDS)
    assert list(found) == list(MODELS) and {len(runs) for runs in found.values()} == {len(SEEDS)}
    assert all(set(run) == {*TASKS, *grounding.TASKS, "bits"} for runs in found.values() for run in runs)
    before = bits(base.model, running_text(base))
    for name, runs in found.items():
        unharmed = all(run["bits"] == before for run in runs)
        assert unharmed == (name != "LLaVA's way"), name
    monkeypatch.setattr("vlmcore.training.run.fit", lambda *_, **__: pytest.fail("trained again"))
    assert expert_ablations(base, short, tmp_path, 1, 0, SEEDS) == found


def test_the_base_stays_as_it_is(base):
    before = {name: value.clone() for name, value in base.model.state_dict().items()}
    for build in MODELS.values():
        model = build(base.model)
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(1)
    assert all(torch.equal(value, before[name]) for name, value in base.model.state_dict().items())
