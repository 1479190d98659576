"""Tests of nas_keras/data/splits.py: which cuts represent a data set, and what is drawn where one does not."""

import numpy as np
import pytest

from nas_keras.data.splits import is_representative, stratify


def _cut(labels, *sizes):
    return np.split(np.asarray(labels), np.cumsum(sizes)[:-1])


@pytest.mark.parametrize(
    ("parts", "answer"),
    [
        (_cut(np.arange(60) % 5, 55, 5), True),
        (_cut(np.arange(60) // 12, 55, 5), False),  # class by class
        (_cut(np.arange(60) // 12, 48, 6, 6), False),
        (_cut([0, 1, 2], 1, 1, 1), True),  # of one image each, no class can be in every part
        (_cut([0, 1, 0, 0, 0, 0], 4, 2), True),  # class 1 has one image
        (_cut([0, 1, 1, 0, 0, 0], 4, 2), False),  # class 1 has two images, and none in the second part
        (_cut([0, 1, 0, 0, 0, 1], 4, 2), True),
        (_cut(np.r_[np.arange(9_000) % 2, np.zeros(700), np.ones(300)], 9_000, 1_000), False),  # 700 where 520 are due
        (_cut(np.r_[np.arange(9_000) % 2, np.zeros(550), np.ones(450)], 9_000, 1_000), True),  # within 5 sqrt(505)
    ],
)
def test_whether_a_cut_is_representative(parts, answer):
    assert is_representative(parts) is answer


@pytest.mark.parametrize(("num_classes", "count"), [(2, 100), (10, 60_000), (1_000, 50_000)])
def test_a_random_order_is_representative(num_classes, count):

    rng = np.random.default_rng(0)
    found = [
        is_representative(_cut(rng.permutation(np.arange(count) % num_classes), count // 2, count // 2))
        for _ in range(20)
    ]
    assert all(found)


def test_drawn_splits_have_their_fraction_of_each_class():
    labels = np.repeat([0, 1, 7], [120, 60, 24])
    rows = stratify(labels, {"validation": 1 / 12, "test": 1 / 6}, seed=0)
    assert sorted(np.concatenate(list(rows.values())).tolist()) == list(range(204))
    counts = {part: np.unique(labels[found], return_counts=True)[1].tolist() for part, found in rows.items()}
    assert counts == {"train": [90, 45, 18], "validation": [10, 5, 2], "test": [20, 10, 4]}
    assert (np.diff(labels[rows["train"]]) < 0).any()  # in no order of classes


def test_small_classes_are_in_each_split_as_far_as_they_go():
    labels = np.repeat([0, 1, 2, 3], [1, 2, 3, 4])
    rows = stratify(labels, {"validation": 0.1, "test": 0.1}, seed=5)
    counts = {part: np.bincount(labels[found], minlength=4).tolist() for part, found in rows.items()}
    assert counts == {"train": [1, 1, 1, 2], "validation": [0, 1, 1, 1], "test": [0, 0, 1, 1]}


def test_the_seed_says_what_is_drawn():
    labels = np.arange(100) % 4
    one, same, other = (stratify(labels, {"validation": 0.2}, seed=seed)["validation"].tolist() for seed in (0, 0, 1))
    assert one == same != other
