"""A small tokenizer that has seen five sentences, and texts of any kind to try it with."""

from hypothesis import settings
from hypothesis import strategies as st

from vlmcore.text.chat import Chat
from vlmcore.text.tokenizer import SPECIAL, train_tokenizer

TEXTS = [
    " the dog is in the middle",
    " where is the cat? it is at the top",
    " con chó ở giữa",
    " 狗在中间 🐕",
    " [[120,340,560,780]]",
]
FAST = settings(deadline=None, max_examples=60)
ANY = st.text(max_size=40)
TRICKY = st.lists(st.sampled_from([*SPECIAL, "<", "image>", " ", "dog", "🐕"]), max_size=6).map("".join)

CHAT = Chat(train_tokenizer(TEXTS * 20, vocabulary=320))  # hypothesis wants no fixtures that are made anew
TOKENIZER = CHAT.tokenizer
