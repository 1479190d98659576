"""Tests of nas_keras/system/words.py."""

import pytest

from nas_keras.system.words import counted


@pytest.mark.parametrize(
    ("number", "what", "text"),
    [
        (1, "stray file", "1 stray file"),
        (2, "stray file", "2 stray files"),
        (0, "epoch", "0 epochs"),
        (2000, "child", "2,000 children"),
        (3, "batch", "3 batches"),
        (3, "class", "3 classes"),
        (3, "search", "3 searches"),
        (2, "entry", "2 entries"),
        (2, "key", "2 keys"),
        (1, "of the child", "1 of the child"),
    ],
)
def test_a_number_and_what_it_counts(number, what, text):
    assert counted(number, what) == text
