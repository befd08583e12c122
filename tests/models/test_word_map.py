"""A word map as one vector a cell, against sums made by hand."""

import torch

from vlmcore.models.word_map import CORNER, embed_word_map


def table_of_words() -> torch.nn.Embedding:
    torch.manual_seed(0)
    return torch.nn.Embedding(50, 32).requires_grad_(False)


def test_a_word_map_is_the_sum_of_its_words():
    embedding = table_of_words()
    cells = torch.tensor([[[7, 8, 9], [4, -1, -1], [-1, -1, -1]], [[9, 8, 7], [5, 5, -1], [6, -1, -1]]])
    nowhere = torch.full((2, 3, 4), -1)
    table = embedding.weight
    expected = torch.zeros(2, 3, 32)
    for n in range(2):
        for p in range(3):
            for word in cells[n, p].tolist():
                expected[n, p] += table[word] if word >= 0 else 0
    torch.testing.assert_close(embed_word_map(embedding, cells, nowhere), expected)


def test_a_word_map_tells_corners_as_words_but_softly():
    embedding = table_of_words()
    words, corners = torch.tensor([[[7, 8], [9, -1]]]), torch.tensor([[[11, 12, 13, 14], [-1, -1, -1, -1]]])
    table, told = embedding.weight, embed_word_map(embedding, words, corners)[0]
    torch.testing.assert_close(told[0], table[[7, 8]].sum(0) + CORNER * table[[11, 12, 13, 14]].sum(0))
    torch.testing.assert_close(told[1], table[9])
