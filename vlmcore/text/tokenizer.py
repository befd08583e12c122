"""The tokenizer: a byte-level BPE (GPT-2's kind), so that any text in any language survives the round trip."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

IMAGE, USER, ASSISTANT, STOP, PAD = "<image>", "<user>", "<assistant>", "<stop>", "<pad>"
SPECIAL = (IMAGE, USER, ASSISTANT, STOP, PAD)  # the special tokens take the ids 0 to 4, in every vocabulary

# Words keep the space before them, a plural's s is split off ("dogs" begins with "dog", "dress" and "bus" stay whole),
# "top-left" is one word, numbers stand in groups of up to three digits, signs stay together ("[["). A box is four
# tokens, each with the signs that say which corner it is: "[[120", ",040,", "360", ",280]]". So a coordinate is one
# look and one word, like a name.
PIECES = (
    r" ?\[\[\p{N}{3}|,\p{N}{3}(?:,|;|\]\])"
    r"| ?\p{L}{3,}?(?=(?<![su])s(?!\p{L}))| ?\p{L}+(?:-\p{L}+)*|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
)


def train_tokenizer(texts: Iterable[str], vocabulary: int = 2048) -> PreTrainedTokenizerFast:
    """A byte-level BPE learned from texts, as a transformers tokenizer (saved and loaded like any other)."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=STOP,
        additional_special_tokens=[IMAGE, USER, ASSISTANT],
        clean_up_tokenization_spaces=False,
        chat_template=(
            "{% for message in messages %}{{ '<' + message['role'] + '> ' + message['content'] }}"
            "{% if message['role'] == 'assistant' %}<stop>{% endif %}{% endfor %}"
            "{% if add_generation_prompt %}<assistant>{% endif %}"
        ),
    )
