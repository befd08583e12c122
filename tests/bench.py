"""`python -m tests.bench [name …]`: what this machine makes of the code, beside transformers in the same run.

Nothing else should run meanwhile. Both sides take turns and the median of the ratios counts, so that a machine whose
speed drifts cannot favour one. Everything is float32.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
import transformers
from torch import Tensor

from tests.killing import kill_and_resume
from tests.tiny_run import train_tiny
from vlmcore.assistant import load
from vlmcore.batches.questions import PictureBatches
from vlmcore.decoding.generate import generate
from vlmcore.device import Device
from vlmcore.evaluation.benchmark import benchmark
from vlmcore.models.llava import splice
from vlmcore.pretrained import llama, llava
from vlmcore.scenes.source import Source
from vlmcore.scenes.world import World
from vlmcore.text.chat import Chat
from vlmcore.text.corpora import tokenizer_corpus
from vlmcore.text.tokenizer import train_tokenizer
from vlmcore.training.losses import answer_loss, supervised

IMAGE = 0  # id of <image> in our tokenizer


def peer(image: int, patch: int) -> transformers.LlavaForConditionalGeneration:
    """transformers' Llava at the course's size: about 4 million parameters, (image / patch)² picture tokens."""
    torch.manual_seed(0)
    vision = transformers.CLIPVisionConfig(
        hidden_size=192,
        intermediate_size=768,
        num_hidden_layers=3,
        num_attention_heads=6,
        image_size=image,
        patch_size=patch,
    )
    text = transformers.LlamaConfig(
        vocab_size=2048, hidden_size=192, intermediate_size=512, num_hidden_layers=6, num_attention_heads=6,
        max_position_embeddings=1024, bos_token_id=1, eos_token_id=3, pad_token_id=4, tie_word_embeddings=True,
    )  # fmt: skip
    config = transformers.LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=IMAGE, image_token_id=IMAGE,
        vision_feature_layer=-2, vision_feature_select_strategy="default", tie_word_embeddings=True,
    )  # fmt: skip
    return transformers.LlavaForConditionalGeneration(config).eval()


def seconds(function: Callable[[], object]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def in_turn(ours: Callable[[], object], theirs: Callable[[], object], rounds: int = 5) -> tuple[float, float, float]:
    """Median seconds of both, and the median of theirs / ours, after one round to warm up."""
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds + 1)][1:]
    mine, other = zip(*pairs, strict=True)
    return statistics.median(mine), statistics.median(other), statistics.median(b / a for a, b in pairs)


def generation() -> None:
    """Greedy decoding: 64 picture tokens + 16 words, 64 new tokens, same weights, same tokens."""
    hf = peer(image=64, patch=8)
    ours = llava.from_transformers(hf).eval()
    for batch in (1, 16):
        pixels = torch.randn(batch, 3, 64, 64)
        words = torch.randint(5, 2048, (batch, 16))
        ids = torch.cat([torch.full((batch, 64), IMAGE), words], dim=1)

        def mine(pixels: Tensor = pixels, ids: Tensor = ids) -> list[list[int]]:
            prompts = ours.embed_prompts(ids.tolist(), ours.encode_image(pixels))
            return generate(ours.language, prompts, stop=-1, max_tokens=64)

        @torch.inference_mode()
        def theirs(pixels: Tensor = pixels, ids: Tensor = ids) -> Tensor:
            mask = torch.ones_like(ids)
            return hf.generate(
                input_ids=ids, pixel_values=pixels, attention_mask=mask, do_sample=False,
                max_new_tokens=64, min_new_tokens=64, eos_token_id=None,
            )[:, 80:]  # fmt: skip

        same = mine() == theirs().tolist()
        a, b, ratio = in_turn(mine, theirs)
        print(
            f"  batch {batch:2}: {64 * batch / a:7.0f} tokens/s, transformers {64 * batch / b:7.0f}, "
            f"{ratio:.1f} times; same tokens: {same}"
        )


def questions() -> None:
    """Questions of every task, answered by the shipped language model: same weights, each answer as long as it is."""
    # both begin with H_v among the embeddings: transformers has no vision encoder like ours
    assistant = load(device=Device(torch.device("cpu")))
    ours, stop, world = assistant.model, assistant.chat.stop, World(assistant.about["objects"])
    hf = llama.to_transformers(ours.language)
    items = benchmark(world, per_task=4, seed=4000)
    Random(0).shuffle(items)
    prompts = [assistant.prompt([], item.conversation[0].question) for item in items]
    features = assistant.encode_image([world.paint(item.scene) for item in items])

    def mine(part: list[list[int]], seen: Tensor) -> list[list[int]]:
        return generate(ours.language, ours.embed_prompts(part, seen), stop=stop, max_tokens=96)

    @torch.inference_mode()
    def theirs(part: list[list[int]], seen: Tensor) -> list[list[int]]:
        longest = max(map(len, part))
        ids = torch.tensor([[stop] * (longest - len(prompt)) + prompt for prompt in part])
        real = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in part])
        embeddings = splice(hf.get_input_embeddings()(ids), ids == ours.config.image_token, ours.projector(seen))
        out = hf.generate(
            inputs_embeds=embeddings, attention_mask=real, do_sample=False, max_new_tokens=96,
            eos_token_id=stop, pad_token_id=stop,
        )  # fmt: skip
        return [row[: row.index(stop)] if stop in row else row for row in out.tolist()]

    def answers(side: Callable[..., list[list[int]]], batch: int) -> list[list[int]]:
        starts = range(0, len(items), batch)
        return [answer for n in starts for answer in side(prompts[n : n + batch], features[n : n + batch])]

    for batch in (1, 16):
        ask_mine, ask_theirs = partial(answers, mine, batch), partial(answers, theirs, batch)
        same = sum(a == b for a, b in zip(ask_mine(), ask_theirs(), strict=True))
        a, b, ratio = in_turn(ask_mine, ask_theirs)
        print(
            f"  batch {batch:2}: {len(items) / a:7.1f} questions/s, transformers {len(items) / b:7.1f}, "
            f"{ratio:.1f} times; same answers: {same} of {len(items)}"
        )


def stage2() -> None:
    """One training step of stage 2 on real questions: packed rows against transformers' padded batch."""
    hf = peer(image=64, patch=16)
    for parameter in hf.model.vision_tower.parameters():
        parameter.requires_grad_(False)
    ours = llava.from_transformers(hf)
    ours.vision.requires_grad_(False)
    source = Source(World(48))
    chat = Chat(train_tokenizer(tokenizer_corpus(source.world), 2048))
    scenes = [source.scene(Random(n)) for n in range(64)]
    pixels = torch.randn(64, 3, 64, 64)
    features = ours.encode_image(pixels)  # once, as in the real chain
    batch = PictureBatches(source, chat, scenes, rows=16, length=128, seed=0)(0)
    logit_positions, labels = supervised(batch)

    examples = []  # the same questions, one by one: (picture, ids, labels)
    for number, picture in enumerate(batch.pictures.tolist()):
        mine = batch.document == number
        for segment in range(1, int(batch.segment[mine].max()) + 1):
            place = mine & (batch.segment == segment)
            examples.append((picture, batch.ids[place], batch.labels[place]))
    longest = max(len(ids) for _, ids, _ in examples)
    padded = torch.stack(
        [F.pad(torch.cat([torch.full((16,), IMAGE), ids]), (0, longest - len(ids)), value=4) for _, ids, _ in examples]
    )
    targets = torch.stack([F.pad(labels, (16, longest - len(labels)), value=-100) for _, _, labels in examples])
    attention = torch.stack(
        [F.pad(torch.ones(16 + len(ids)), (0, longest - len(ids))).long() for _, ids, _ in examples]
    )
    pictures = pixels[[picture for picture, _, _ in examples]]
    optimisers = [
        torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4) for model in (ours, hf)
    ]

    def step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()

    def mine() -> None:
        seen = features[batch.pictures]
        logits = ours(batch.ids, seen, positions=batch.positions, mask=batch.mask, logit_positions=logit_positions)
        step(optimisers[0], answer_loss(logits, labels))

    def theirs() -> None:
        out = hf(input_ids=padded, pixel_values=pictures, attention_mask=attention, labels=targets)
        step(optimisers[1], out.loss)

    a, b, ratio = in_turn(mine, theirs)
    n = len(examples)
    size = sum(p.numel() for p in ours.language.transformer.parameters())
    head = ours.language.head.weight.numel()
    work = 6 * (size * batch.ids.numel() + head * len(labels))
    left, right = torch.randn(4096, 1024), torch.randn(1024, 1024)
    left @ right
    peak = 2 * 4096 * 1024 * 1024 / statistics.median(seconds(lambda: left @ right) for _ in range(20))
    print(
        f"  {n / a:.0f} examples/s, transformers {n / b:.0f}, {ratio:.1f} times; "
        f"{work / a / peak:.0%} of {peak / 1e9:.0f} GFLOP/s"
    )


def world() -> None:
    """Scenes made and painted on one core."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    place = World()

    def thousand() -> None:
        random = Random(0)
        for _ in range(1000):
            place.paint(place.scene(random))

    thousand()
    print(f"  {1000 / statistics.median(seconds(thousand) for _ in range(5)):.0f} scenes/s")
    torch.set_num_threads(threads)


def kill() -> None:
    """SIGKILL at 20 random moments of a small run, each time resumed and compared bit by bit."""
    with tempfile.TemporaryDirectory() as folder:
        print(f"  {kill_and_resume(train_tiny, Path(folder), 20)}")


BENCHMARKS = {function.__name__: function for function in (generation, questions, stage2, world, kill)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which: {', '.join(BENCHMARKS)} (all)")
    names = parser.parse_args().names or list(BENCHMARKS)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, "
        f"torch {torch.__version__}, float32"
    )
    for name in names:
        if name not in BENCHMARKS:
            parser.error(f"there is no benchmark {name!r}: choose from {', '.join(BENCHMARKS)}")
        print(f"{name}: {BENCHMARKS[name].__doc__}")
        BENCHMARKS[name]()


if __name__ == "__main__":
    main()
