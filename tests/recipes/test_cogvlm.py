"""CogVLM's chain, as small as it gets: what it leaves, what it leaves alone, and that it can be taken up."""

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.killing import bits, in_child
from tests.one_tokenizer import one_tokenizer
from tests.tiny_run import TINY_COGVLM, tiny_eyes, train_tiny_cogvlm
from vlmcore import load
from vlmcore.assistant import Assistant
from vlmcore.errors import VlmError
from vlmcore.evaluation import grounding
from vlmcore.evaluation.benchmark import CLAIM, TASKS
from vlmcore.evaluation.report import score, table
from vlmcore.models.cache import Cache
from vlmcore.models.cogvlm import CogVLM
from vlmcore.models.prefix import NOTHING
from vlmcore.models.word_map import embed_word_map
from vlmcore.recipes import cogvlm
from vlmcore.recipes.cogvlm import CogVLMRecipe, digest, train
from vlmcore.recipes.cogvlm_presets import ASKED, CAPTIONS, GROUNDING, PRESETS
from vlmcore.scenes.grounded_questions import GroundedQuestions, grounded_word_map
from vlmcore.text.word_map import cell_ids, corner_ids
from vlmcore.training.run import OtherRun

EXPERTS = ("captions", "grounding", "instructions")
STAGES = ("language", *EXPERTS)
STEPS = TINY_COGVLM.captions.steps
ONE = replace(TINY_COGVLM.language, steps=1)
BRIEF = replace(TINY_COGVLM, language=ONE, captions=ONE, grounding=ONE, instructions=ONE, scenes=16)
QUESTIONS = ["What is in the picture?", "Where is the dog?", "How many dogs are there, and is any of them hidden?"]
SAMPLED = {"temperature": 2.0, "seed": 1, "max_tokens": 12}  # after three steps the likeliest word may be <stop>


@pytest.fixture(scope="module", autouse=True)
def tokenizer():
    with one_tokenizer():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A whole run. Copy it before you change anything in it."""
    folder = tmp_path_factory.mktemp("cogvlm") / "run"
    train_tiny_cogvlm(folder, False)
    return folder


@pytest.fixture
def copy(folder, tmp_path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "run"))


@pytest.fixture(scope="module")
def stages(folder) -> SimpleNamespace:
    """The weights that each stage left."""
    return SimpleNamespace(**{stage: load_file(folder / f"{stage}.safetensors") for stage in STAGES})


@pytest.fixture(scope="module")
def talkative(folder) -> Assistant:
    """What has learned for three steps says <stop> to everything: stirred, it says something else about everything."""
    assistant, generator = load(folder), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in assistant.model.parameters():
            weight.add_(0.3 * torch.randn(weight.shape, generator=generator).to(weight))
    return assistant


def pictures(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8))


def never(*_, **__):
    pytest.fail("trained again")


# -- what it leaves --------------------------------------------------------------------------------------------------


def test_it_leaves_everything_and_no_more(folder):
    names = {file.name for file in folder.iterdir()}
    wanted = {f"{stage}.{kind}" for stage in STAGES for kind in ("json", "safetensors")}
    wanted |= {"run.json", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert wanted <= names and names - wanted <= {".lock", "chat_template.jinja", "special_tokens_map.json"}
    for stage in STAGES:
        history = json.loads((folder / f"{stage}.json").read_bytes())
        assert len(history["losses"]) == STEPS and history["seconds"] > 0
    assert json.loads((folder / "config.json").read_bytes())["system"] == "cogvlm"


def test_what_is_loaded_answers_as_what_was_trained(folder, copy, monkeypatch):
    """But for its weights' last digits: they are written in half precision."""
    monkeypatch.setattr("vlmcore.training.run.fit", never)
    loaded = load(folder)
    with CogVLMRecipe(TINY_COGVLM, copy, tiny_eyes(), True) as recipe:
        trained = recipe.connect(recipe.language())
    assert isinstance(loaded.model, CogVLM) and loaded.model.config == trained.model.config
    assert loaded.about == trained.about == {"objects": TINY_COGVLM.objects, "seed": TINY_COGVLM.seed}
    trained.model.load_state_dict({name: value.half() for name, value in trained.model.state_dict().items()})
    ours, theirs = loaded.model.state_dict(), trained.model.state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
    for picture, question in zip(pictures(3), QUESTIONS):
        answer = loaded.ask(picture, question, **SAMPLED)
        assert answer.text and answer == trained.ask(picture, question, **SAMPLED)
    assert bits(copy) == bits(folder)


def test_the_language_model_and_the_encoder_come_out_unharmed(stages):
    """To the last bit, whatever the experts learn."""
    final = stages.instructions
    language = {name for name in final if name.startswith("language.") and ".image_" not in name}
    assert {name.removeprefix("language.") for name in language} == set(stages.language)
    assert all(torch.equal(final[name], stages.language[name.removeprefix("language.")]) for name in language)
    eyes = tiny_eyes().state_dict()
    assert {name for name in final if name.startswith("vision.")} == {f"vision.{name}" for name in eyes}
    assert all(torch.equal(final[f"vision.{name}"], eyes[name]) for name in eyes)


def test_adapter_boi_eoi_and_experts_learn_in_every_stage(stages):
    learned = {name for name in stages.captions if name.startswith(("adapter.", "boi", "eoi")) or ".image_" in name}
    last = f"language.transformer.blocks.{TINY_COGVLM.language_model.layers - 1}."
    unread = {name for name in learned if name.startswith(last) and "image_qkv" not in name}  # by no word (its docs)
    assert len(learned) == 5 + 2 + 2 * 4 and len(unread) == 3
    start = {name: stages.language.get(name.removeprefix("language.").replace("image_", "")) for name in learned}
    start |= {name: torch.zeros_like(stages.captions[name]) for name in ("boi", "eoi")}
    for before, after in ((start, stages.captions), (stages.captions, stages.grounding),
                          (stages.grounding, stages.instructions)):  # fmt: skip
        for name in learned:
            same = before[name] is not None and torch.equal(before[name], after[name])
            assert same == (name in unread), name


# -- what its stages learn from --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A recipe whose stages are only written down, not trained: {name: stage}, and the recipe."""
    place = tmp_path_factory.mktemp("begun") / "run"
    with (
        pytest.MonkeyPatch.context() as patch,
        CogVLMRecipe(replace(TINY_COGVLM, scenes=20), place, tiny_eyes()) as recipe,
    ):
        found, taught, teach = {}, {}, cogvlm.teach

        def note(run, name, model, batches, features, schedule, maps):
            taught[name] = {"asked": batches, "maps": maps}
            teach(run, name, model, batches, features, schedule, maps)

        patch.setattr(cogvlm, "teach", note)

        def stage(name, model, batches, losses, schedule, keep):
            learning = {key for key, value in model.named_parameters() if value.requires_grad}
            found[name] = SimpleNamespace(
                model=model, batches=batches, losses=losses, schedule=schedule, keep=keep, learning=learning,
                **taught.get(name, {}),
            )  # fmt: skip

        recipe.run.stage = stage
        recipe.connect(recipe.language())
        yield recipe, found


def test_the_stages_and_their_schedules_are_the_presets(begun):
    _, found = begun
    assert tuple(found) == STAGES
    assert all(found[name].schedule is getattr(TINY_COGVLM, name) for name in STAGES)
    assert set(PRESETS) == {"cpu", "full"}


def test_experts_adapter_boi_and_eoi_alone_learn_from_pictures(begun):
    _, found = begun
    model = found["captions"].model
    learning = {name for name in dict(model.named_parameters()) if name.startswith(("adapter.", "boi", "eoi"))}
    learning |= {name for name in dict(model.named_parameters()) if ".image_" in name}
    for name in EXPERTS:
        assert found[name].model is found[name].keep is model and found[name].learning == learning
    assert {name.split(".")[0] for name in found["language"].learning} == {"language"}


def test_every_stage_asks_its_own_questions(begun):
    """Captions, then boxes, then everything; about other pictures in each."""
    recipe, found = begun
    asked = [found[name].asked for name in EXPERTS]
    assert [batches.tasks for batches in asked] == [CAPTIONS, GROUNDING, ASKED]
    assert all(isinstance(batches.source.questions, GroundedQuestions) for batches in asked)
    assert len({batches.seed for batches in asked}) == 3
    for batches in asked:
        assert batches.scenes is asked[0].scenes and batches(0).ids.shape == (TINY_COGVLM.rows, 160)


def test_the_language_model_reads_what_is_hidden(begun):
    """On word maps it learns all that CogVLM is asked about pictures."""
    recipe, found = begun
    batches = found["language"].batches
    maps = [batches(step)[0] for step in range(cogvlm.EASY, cogvlm.EASY + 20)]
    cells = [batch.cells.flatten(0, 1).tolist() for batch in maps]
    words = {recipe.chat.decode([token for token in cell if token >= 0]) for step in cells for cell in step}
    assert any(text.endswith(" hidden") for text in words)
    said = recipe.chat.decode([token for batch in maps for token in batch.ids.flatten().tolist()])
    assert "hidden" in said and "[[" in said  # questions that LLaVA is not asked
    early = [batches(step)[0] for step in range(5)]
    assert "[[" not in recipe.chat.decode([token for batch in early for token in batch.ids.flatten().tolist()])
    assert len(recipe.chat.encode("hidden")) == 1  # its tokenizer was made from these questions


def test_a_word_map_stands_where_a_picture_will(begun):
    """As many columns, at the same positions: boi and eoi empty, and one position for all cells."""
    recipe, found = begun
    maps, text = found["language"].batches(cogvlm.EASY)
    P, columns = recipe.vision.config.patches, found["captions"].asked.columns
    assert maps.cells.shape[1] == P + 2 and (maps.cells[:, [0, -1]] == -1).all()
    for positions, image in zip(maps.positions, maps.ids == recipe.chat.image, strict=True):
        first = int(image.int().argmax())
        told = columns.positions(P + 4)[: len(positions) - first]
        assert positions[first : first + P + 4].tolist() == told.tolist() and image[first : first + P + 2].all()
    assert text.cells is None
    row = text.positions[0].tolist()
    longest = row.index(max(row))  # of its documents the longest ends there; running text counts as ever
    assert row[longest - max(row) : longest + 1] == list(range(max(row) + 1)) and max(row) > 20


def test_the_losses_are_about_the_pictures_that_the_batch_names(begun):
    """Photographs of the stages' scenes, seen once by the frozen encoder."""
    recipe, found = begun
    stage = found["grounding"]
    model, scenes = stage.model, stage.asked.scenes
    batch, maps = stage.batches(0)
    seen = recipe.pictures.photographs(scenes, (TINY_COGVLM.seed, 0))[batch.pictures].to(recipe.device.device)
    features = model.encode_image(model.vision.normalise(seen)).half().float()
    loss = stage.losses((batch, maps))["answers"]
    expected = cogvlm.next_token_loss(model, batch.to(recipe.device.device), features)
    other = cogvlm.next_token_loss(model, batch.to(recipe.device.device), features.roll(1, 0) + 1)
    assert len(scenes) == 20
    torch.testing.assert_close(loss, expected, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(loss, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", EXPERTS)
def test_in_every_stage_the_adapter_writes_the_pictures_word_maps(begun, name):
    """As fine as the patches, of the pictures that the batch names, and lifted beside the answers."""
    recipe, found = begun
    stage, P = found[name], recipe.vision.config.patches
    asked, annotated = stage.batches(3)
    assert asked.cells is None and annotated.cells.shape[:2] == (TINY_COGVLM.maps_per_step, P)
    scenes = stage.asked.scenes
    for which, cells, corners in zip(annotated.pictures.tolist(), annotated.cells, annotated.corners, strict=True):
        words, boxes = grounded_word_map(scenes[which], recipe.vision.config.grid)
        assert [cell[cell >= 0].tolist() for cell in cells] == cell_ids(recipe.chat, words)
        assert corners.tolist() == [[*box] for box in corner_ids(recipe.chat, boxes)]
    losses, model, device = stage.losses((asked, annotated)), stage.model, recipe.device.device
    _, features = recipe.features(model)
    adapted = model.adapter(features[annotated.pictures].float())
    target = embed_word_map(model.language.embedding, annotated.cells.to(device), annotated.corners.to(device))
    missed = ((adapted - target) ** 2).mean() / target.var()
    assert list(losses) == ["answers", "words"]
    torch.testing.assert_close(losses["words"], cogvlm.WORDS_WEIGHT * missed, atol=1e-3, rtol=1e-3)
    learn = [parameter for parameter in model.adapter.parameters()]
    assert all(bool(slope.any()) for slope in torch.autograd.grad(losses["words"], learn))


# -- its eyes --------------------------------------------------------------------------------------------------------


def test_its_eyes_are_another_assistants(folder, tmp_path, monkeypatch):
    """Of whatever system, unchanged; and a run is not taken up with other eyes."""
    assistant, eyes = train(BRIEF, tmp_path / "run", eyes=folder), load(folder).model.vision.state_dict()
    assert all(torch.equal(value, eyes[name]) for name, value in assistant.model.vision.state_dict().items())
    assert assistant.model.config.vision == tiny_eyes().config
    assert assistant.ask(pictures(1)[0], QUESTIONS[0], **SAMPLED).text
    before = bits(tmp_path / "run")
    monkeypatch.setattr("vlmcore.training.run.fit", never)
    train(BRIEF, tmp_path / "run", True, folder)
    with torch.no_grad():
        (other := load(folder)).model.vision.positions[0, 0] += 0.5
    other.save(tmp_path / "other", half=False)
    with pytest.raises(OtherRun, match="other settings"):
        train(BRIEF, tmp_path / "run", True, tmp_path / "other")
    assert bits(tmp_path / "run") == before


def test_without_others_it_takes_the_shipped_ones_eyes(monkeypatch, tmp_path):
    asked = []

    def ask(folder, device):
        asked.append((folder, device.device.type))
        raise VlmError("none here")

    monkeypatch.setattr(cogvlm, "load", ask)
    for eyes in ((), ("llava",), (tmp_path,)):
        with pytest.raises(VlmError, match="none here"):
            train(TINY_COGVLM, tmp_path / "run", False, *eyes)
    assert asked == [(None, "cpu"), ("llava", "cpu"), (tmp_path, "cpu")]
    assert not (tmp_path / "run").exists()


def test_a_digest_tells_a_module_from_every_other():
    eyes, other, moved = tiny_eyes(), tiny_eyes(), torch.nn.Sequential(tiny_eyes())
    assert digest(eyes) == digest(other) != digest(moved)
    with torch.no_grad():
        other.norm.bias[3] += 1e-6
    assert digest(eyes) != digest(other)


# -- asking ----------------------------------------------------------------------------------------------------------


def test_asking_many_is_asking_each(talkative):
    """Prompts of different lengths, other pictures, earlier answers."""
    shown = pictures(len(QUESTIONS) + 1)
    asked = [(picture, [], question) for picture, question in zip(shown, QUESTIONS)]
    asked.append((shown[-1], [("What is that?", "a cow"), ("Where?", "at the top")], QUESTIONS[0]))
    together = talkative.answer_all(asked, max_tokens=24)
    assert all(together) and len(set(together)) == len(asked)
    for (picture, history, question), answer in zip(asked, together, strict=True):
        assert talkative.ask(picture, question, history, max_tokens=24).whole == answer
    blank = np.zeros_like(shown[0])
    assert talkative.ask(blank, QUESTIONS[0], max_tokens=24).whole != together[0]  # the picture counts


@pytest.mark.parametrize("how", [{}, SAMPLED], ids=["greedy", "sampled"])
def test_the_streams_pieces_are_the_answer(talkative, how):
    for picture, question, history in zip(pictures(3), QUESTIONS, ([], [("What is that?", "a cow")], [])):
        pieces = list(talkative.stream(picture, question, history, **{"max_tokens": 24} | how))
        assert len(pieces) > 1
        assert "".join(pieces) == talkative.ask(picture, question, history, **{"max_tokens": 24} | how).whole


def test_the_picture_is_read_before_the_prompt_and_not_in_it(talkative):
    chat = talkative.chat
    assert talkative.prompt([], QUESTIONS[0]) == chat.prompt([], QUESTIONS[0])
    features = talkative.encode_image(pictures(2))
    assert features.shape[:2] == (2, 64)
    (embedded,) = talkative.model.embed_prompts([talkative.prompt([], QUESTIONS[0])], features[:1])
    assert len(embedded) == len(chat.prompt([], QUESTIONS[0]))
    prefix = talkative.model.prefix(features)
    cache = Cache(talkative.model.config.language.transformer, 2, prefix.columns, like=embedded)
    assert prefix.columns == 64 + 2 and prefix.read(cache) == 3  # boi, all patches, eoi
    assert NOTHING.columns == NOTHING.read(cache) == 0


def test_its_score_has_all_tasks(folder):
    result = score(load(folder), 1, 0)
    every = (*TASKS, *grounding.TASKS)
    for part in (result, result["held_out_wordings"]):
        assert tuple(part["tasks"]) == every and CLAIM not in part["tasks"]
        assert part["mean"] == pytest.approx(sum(part["tasks"].values()) / len(every)) and 0 <= part["mean"] <= 1
    assert result["scenes"] == len(every) + 1
    assert [line.split("  ")[0] for line in table(result).splitlines()[:-5]] == [
        "task",
        *every,
        "mean",
        CLAIM,
        "mean IoU, box",
        "mean IoU, find",
    ]
    assert table(result).splitlines()[-5].startswith("unseen artist") and "find " in table(result).splitlines()[-5]


# -- taking up -------------------------------------------------------------------------------------------------------


def train_and_die(folder: Path, resume: bool) -> None:
    """Killed in the second step of "grounding": one of its states is saved by then."""
    losses, taken = cogvlm.next_token_loss, []

    def next_token_loss(*arguments):
        taken.append(1)
        if len(taken) == STEPS + 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return losses(*arguments)

    cogvlm.next_token_loss = next_token_loss
    train_tiny_cogvlm(folder, resume)


@pytest.mark.slow
def test_a_killed_run_ends_with_the_same_bits(folder, tmp_path, capsys):
    run = tmp_path / "run"
    assert in_child(train_and_die, run, False)[1] == -signal.SIGKILL
    left = {file.name for file in run.iterdir()}
    assert {"captions.safetensors", "grounding.state.safetensors"} <= left
    assert not left & {"grounding.safetensors", "model.safetensors"}
    capsys.readouterr()
    train_tiny_cogvlm(run, True)
    done = capsys.readouterr().out
    assert not any(f"{stage:9}:" in done for stage in STAGES[:2]) and all(f"{stage:9}:" in done for stage in STAGES[2:])
    assert bits(run) == bits(folder)


@pytest.mark.slow
@pytest.mark.parametrize("lost", [STAGES[3:], STAGES[:1]], ids=" ".join)
def test_lost_results_are_made_again_to_the_bit(folder, copy, lost):
    for stage in lost:
        (copy / f"{stage}.safetensors").unlink()
    (copy / "model.safetensors").unlink()
    train_tiny_cogvlm(copy, True)
    assert bits(copy) == bits(folder)


def test_another_run_is_not_taken_up_and_an_earlier_one_not_begun_anew(copy):
    before = bits(copy)
    with pytest.raises(OtherRun, match="other settings"):
        CogVLMRecipe(replace(TINY_COGVLM, scenes=49), copy, tiny_eyes(), True)
    with pytest.raises(OtherRun, match="earlier run"):
        CogVLMRecipe(TINY_COGVLM, copy, tiny_eyes())
    assert bits(copy) == before
