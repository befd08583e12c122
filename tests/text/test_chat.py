"""Conversations as tokens and back: what is supervised, and that no text is changed on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.text.small import ANY, CHAT, FAST, TOKENIZER, TRICKY
from vlmcore.scenes.exchange import Exchange
from vlmcore.text.chat import IGNORE
from vlmcore.text.tokenizer import SPECIAL


def test_the_chat_template_says_the_same():
    talk = [("where is the dog?", "in the middle"), ("and the cat?", "at the top")]
    messages = [{"role": role, "content": text} for pair in talk for role, text in zip(("user", "assistant"), pair)]
    text = TOKENIZER.apply_chat_template(messages, tokenize=False)
    assert TOKENIZER.encode(text, add_special_tokens=False) == CHAT.supervise(talk)[0]
    text = TOKENIZER.apply_chat_template(messages[:3], tokenize=False, add_generation_prompt=True)
    assert TOKENIZER.encode(text, add_special_tokens=False) == CHAT.prompt(talk[:1], talk[1][0])


@given(st.lists(st.tuples(ANY | TRICKY, ANY | TRICKY), min_size=1, max_size=4))
@FAST
def test_only_answers_and_their_stops_are_supervised(talk):
    ids, labels = CHAT.supervise(talk)
    answering, answers = False, 0
    for token, label in zip(ids, labels, strict=True):
        assert label == (token if answering else IGNORE)
        if token == CHAT.assistant:
            answering = True
        elif token == CHAT.stop:
            answering, answers = False, answers + 1
    assert answers == len(talk) and not answering
    assert [ids.count(token) for token in (CHAT.user, CHAT.assistant, CHAT.image, CHAT.pad)] == [answers, answers, 0, 0]


@given(st.lists(st.tuples(ANY, ANY), max_size=3), ANY, ANY)
@FAST
def test_a_prompt_is_what_stands_before_the_answer(history, question, answer):
    prompt = CHAT.prompt(history, question)
    ids, labels = CHAT.supervise([*history, (question, answer)])
    assert ids[: len(prompt)] == prompt
    assert ids[len(prompt) :] == labels[len(prompt) :] == [*CHAT.encode(answer), CHAT.stop]


def test_exchanges_and_pairs_are_the_same():
    assert CHAT.supervise([Exchange("any", "the dog?", "the cat")]) == CHAT.supervise([("the dog?", "the cat")])


@pytest.mark.parametrize("special", SPECIAL)
def test_typing_a_special_token_does_not_make_one(special):
    ids = CHAT.prompt([(special, special)], f"what is {special}{special}?")
    ours = [CHAT.user, CHAT.assistant, CHAT.stop, CHAT.user, CHAT.assistant]
    assert [token for token in ids if token < len(SPECIAL)] == ours
    assert CHAT.decode(CHAT.encode(f"what is {special}?")) == f"what is {special}?"


@given(ANY, st.integers(2, 12))
@FAST
def test_running_text_is_supervised_everywhere_and_stops_where_it_ends(text, limit):
    ids, labels = CHAT.plain(text, limit)
    whole = [CHAT.stop, *CHAT.encode(text), CHAT.stop]
    assert ids == whole[:limit] and labels == [IGNORE, *ids[1:]]
    assert (CHAT.stop in labels) == (len(whole) <= limit)


def test_a_paragraph_that_is_cut_off_is_not_taught_to_stop_there():
    text = "the dog is in the middle"
    words = [*CHAT.encode(text)]
    for limit in (3, len(words), len(words) + 1):
        assert CHAT.plain(text, limit) == ([CHAT.stop, *words[: limit - 1]], [IGNORE, *words[: limit - 1]])
    for limit in (len(words) + 2, 99):
        assert CHAT.plain(text, limit) == ([CHAT.stop, *words, CHAT.stop], [IGNORE, *words, CHAT.stop])


# -- and back --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["    return x", "for x in y:\n    return x\n", "\tx", "a dog  ", " ", "  ", "\n", "", " 狗 "]
)
def test_indentation_and_trailing_spaces_return(text):
    assert CHAT.decode(CHAT.encode(text)) == text


def test_special_tokens_are_not_part_of_what_is_said():
    assert CHAT.decode([*CHAT.encode(" a dog "), CHAT.stop, CHAT.pad]) == " a dog "
