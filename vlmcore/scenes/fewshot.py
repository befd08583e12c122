"""LLaVA's data generation: a text-only language model writes conversations about pictures that it never sees.

Design choices (LLaVA, playground/data/prompts):
- the model gets a picture's captions and boxes as text, a system message, and a few worked examples as earlier turns;
- three kinds of responses: conversation, detailed description, complex reasoning (data/prompts/<kind>.json);
- it answers as if it saw the picture; whatever does not have the asked form is thrown away, not mended;
- any model will do: a function from chat messages to text. Two are here, one for transformers' causal language models,
  one for servers that speak OpenAI's protocol.

The course's own data comes from questions.QuestionGenerator, which needs no language model and is always right.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from vlmcore.errors import VlmError
from vlmcore.scenes.exchange import Conversation, Exchange
from vlmcore.scenes.grounding import relative
from vlmcore.scenes.objects import DATA
from vlmcore.scenes.scene import Scene

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

KINDS = ("conversation", "detail", "reasoning")
Messages = list[dict[str, str]]  # {"role": "system" | "user" | "assistant", "content": …}


@cache
def prompts(kind: str) -> dict:
    """{"system": …, "examples": [{"context": …, "response": …}]} of one kind of response."""
    return json.loads((DATA / "prompts" / f"{kind}.json").read_text(encoding="utf-8"))


def context(scene: Scene, captions: list[str]) -> str:
    """What the language model is told about a picture: captions, and each thing's box relative to the picture."""
    boxes = [
        f"{thing.name}: [{', '.join(f'{value:.2f}' for value in relative(thing, scene))}]" for thing in scene.things
    ]
    return "\n".join([*captions, "", *boxes])


def messages(kind: str, scene: Scene, captions: list[str]) -> Messages:
    """The whole request: rules, examples as turns already taken, and at last the picture in question."""
    said = [{"role": "system", "content": prompts(kind)["system"]}]
    for example in prompts(kind)["examples"]:
        said.append({"role": "user", "content": example["context"]})
        said.append({"role": "assistant", "content": example["response"]})
    return [*said, {"role": "user", "content": context(scene, captions)}]


def parse(kind: str, text: str) -> Conversation:
    """ "Question: …\\nAnswer: …" blocks as exchanges. () where anything in the text has another form."""
    before, *blocks = text.split("Question:")
    exchanges = [[" ".join(part.split()) for part in block.split("Answer:")] for block in blocks]
    if before.strip() or any(len(parts) != 2 or not all(parts) for parts in exchanges):
        return ()
    return tuple(Exchange(kind, question, answer) for question, answer in exchanges)


class FewShotTeacher:
    """``write(scene, kind)``: a conversation about a scene by the language model behind ``complete``."""

    def __init__(self, complete: Callable[[Messages], str], captions: Callable[[Scene], list[str]]) -> None:
        self.complete, self.captions = complete, captions

    def write(self, scene: Scene, kind: str) -> Conversation:
        """() where the model did not keep to the form."""
        return parse(kind, self.complete(messages(kind, scene, self.captions(scene))))


def local(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, max_tokens: int = 400) -> Callable:
    """A transformers causal language model as ``complete``. It needs a chat template, as instruct models have one."""

    def complete(said: Messages) -> str:
        ids = tokenizer.apply_chat_template(said, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        ids = ids.to(model.device)
        made = model.generate(**ids, max_new_tokens=max_tokens, do_sample=False, pad_token_id=tokenizer.pad_token_id)
        return tokenizer.decode(made[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)

    return complete


def endpoint(url: str, model: str, key: str = "", timeout: float = 60.0) -> Callable:
    """A server with OpenAI's chat completions as ``complete``; ``url`` up to /v1. Errors: VlmError that says why."""

    def complete(said: Messages) -> str:
        body = json.dumps({"model": model, "messages": said, "temperature": 0}).encode()
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        try:
            request = urllib.request.Request(f"{url.rstrip('/')}/chat/completions", body, headers)
        except ValueError as error:
            raise VlmError(f"{url} is no address of a server: it begins with http:// or https://") from error
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                text = json.load(answer)["choices"][0]["message"]["content"]
            if not isinstance(text, str):
                raise TypeError(f"its text is {text}")
            return text
        except urllib.error.HTTPError as error:
            raise VlmError(f"{url} says {error.code} {error.reason}: check the model's name and the key") from error
        except (OSError, urllib.error.URLError) as error:
            raise VlmError(f"{url} cannot be reached ({error}): is the server running?") from error
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise VlmError(f"{url} answers, but not as OpenAI's chat completions do ({error!r})") from error

    return complete
