"""The few-shot teacher: what it asks for, what it takes for an answer, and both kinds of language models."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import torch
import transformers

from vlmcore.errors import VlmError
from vlmcore.scenes.exchange import Exchange
from vlmcore.scenes.fewshot import KINDS, FewShotTeacher, context, endpoint, local, messages, parse, prompts
from vlmcore.scenes.scene import Scene, Thing
from vlmcore.text.tokenizer import train_tokenizer

SCENE = Scene("scatter", "kitchen", (Thing("whale", (0, 16, 32, 64), 3),))
REPLY = "Question: What is it?\nAnswer: a whale\n\nQuestion: Where\nis it?\nAnswer: on the left"


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_is_rules_then_examples_then_the_picture(kind):
    said = messages(kind, SCENE, ["a whale in the kitchen"])
    assert [message["role"] for message in said] == ["system", *["user", "assistant"] * 2, "user"]
    assert (
        said[-1]["content"]
        == "a whale in the kitchen\n\nwhale: [0.00, 0.25, 0.50, 1.00]"
        == context(SCENE, ["a whale in the kitchen"])
    )
    for example in prompts(kind)["examples"]:
        assert parse(kind, example["response"]), "the examples must keep to the form they teach"
        assert not any(word in example["response"].lower() for word in ("caption", "box"))
    assert "never mention captions" in said[0]["content"]


def test_answers_are_read_in_their_form():
    assert parse("conversation", REPLY) == (
        Exchange("conversation", "What is it?", "a whale"),
        Exchange("conversation", "Where is it?", "on the left"),
    )


@pytest.mark.parametrize(
    "text",
    ["", "a whale", "Question: What is it?", "Answer: a whale", f"Sure! Here you are:\n{REPLY}", "Question:\nAnswer:"],
)
def test_any_other_form_is_thrown_away(text):
    assert parse("conversation", text) == ()


def test_the_teacher_asks_and_reads():
    asked = []
    teacher = FewShotTeacher(lambda said: asked.append(said) or REPLY, lambda scene: [f"a caption of {scene.place}"])
    assert [exchange.answer for exchange in teacher.write(SCENE, "conversation")] == ["a whale", "on the left"]
    assert asked == [messages("conversation", SCENE, ["a caption of kitchen"])]


def test_a_transformers_model_from_the_disk(tmp_path):
    """Tiny and random, in the real layout: what it says is nonsense, and it is only what it says."""
    tokenizer = train_tokenizer(["the whale is in the kitchen"] * 20, 320)
    config = transformers.LlamaConfig(
        vocab_size=320, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    transformers.LlamaForCausalLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, local_files_only=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)
    said = messages("detail", SCENE, ["a whale"])
    text = local(model, tokenizer, max_tokens=8)(said)
    ids = torch.tensor([tokenizer.apply_chat_template(said, add_generation_prompt=True, return_dict=False)])
    made = model.generate(ids, max_new_tokens=8, do_sample=False, pad_token_id=tokenizer.pad_token_id)
    assert text == tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True)
    assert FewShotTeacher(local(model, tokenizer, 8), lambda scene: []).write(SCENE, "detail") == ()


@pytest.fixture
def server():
    """A stand-in for an OpenAI-compatible server: it keeps the requests, and answers what it is told to."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.requests.append((self.path, self.headers["Authorization"], body))
            status, content = self.server.reply
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.requests, server.reply = [], (200, json.dumps({"choices": [{"message": {"content": REPLY}}]}).encode())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_server_is_asked_as_openai_is(server):
    url = f"http://127.0.0.1:{server.server_port}/v1/"
    said = messages("reasoning", SCENE, ["a whale"])
    assert endpoint(url, "some-model", key="secret")(said) == REPLY
    assert server.requests == [
        ("/v1/chat/completions", "Bearer secret", {"model": "some-model", "messages": said, "temperature": 0})
    ]


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ((401, b"{}"), "401"),
        ((200, b"not json"), "not as OpenAI"),
        ((200, b'{"choices": []}'), "not as OpenAI"),
        ((200, b'{"choices": [{"message": {"content": null}}]}'), "not as OpenAI"),
    ],
)
def test_a_server_that_refuses_or_babbles(server, reply, why):
    server.reply = reply
    with pytest.raises(VlmError, match=why):
        endpoint(f"http://127.0.0.1:{server.server_port}/v1", "some-model")([])


def test_an_address_that_is_none():
    with pytest.raises(VlmError, match="begins with http"):
        endpoint("localhost/v1", "some-model")([])


def test_no_server(server):
    port = server.server_port
    server.shutdown()
    server.server_close()
    with pytest.raises(VlmError, match="is the server running"):
        endpoint(f"http://127.0.0.1:{port}/v1", "some-model", timeout=5)([])
