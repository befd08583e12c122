"""A tokenizer for code: byte-level BPE, in which a run of spaces is one token.

Design choices:
- runs of 10, 9, … 2 spaces are tokens of their own, the longest first, as CodeGeeX added them to GPT-2's vocabulary:
  code is a third indentation;
- words part at their humps (running|Total), so that Java's names and Python's (running|_|total) share their pieces;
- a number stands digit by digit, up to three together.

Source: THUDM/CodeGeeX, codegeex/tokenizer/tokenizer.py.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

STOP, PAD = "<|stop|>", "<|pad|>"
SPECIAL = (STOP, PAD)  # take the ids 0 and 1
LONGEST_RUN = 10  # spaces
PIECES = r" ?\p{Lu}?\p{Ll}+| ?\p{L}+| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\n|\s+"


def train_code_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Learned from ``texts``, as a transformers tokenizer of ``vocabulary`` tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    runs = [" " * length for length in range(LONGEST_RUN, 1, -1)]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(runs),
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((text.replace("  ", "") for text in texts), trainer)  # runs are no words to learn
    tokenizer.add_tokens([AddedToken(run, normalized=False) for run in runs])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=STOP, clean_up_tokenization_spaces=False
    )
