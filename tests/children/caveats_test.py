"""Tests of nas_keras/children/caveats.py, and of when a search says them."""

from statistics import NormalDist

import numpy as np
import pytest
from helpers import TINY_CHILD, TINY_TRAIN, tiny_images

import nas_keras as nk
from nas_keras.children import caveats
from nas_keras.evaluators import training
from nas_keras.results.model_card.accuracy import wilson_interval
from nas_keras.trial import Trial


@pytest.mark.parametrize(
    ("settings", "num_images", "says"),
    [
        ({}, 44_800, None),  # 350 steps of the default recipe
        ({}, 44_799, "only 349 steps (batches of 128 of 44,799 images, epochs=1). With fewer than about 400, its"),
        (
            {"epochs": 2},
            800,
            "only 12 steps (batches of 128 of 800 images, epochs=2). With fewer than about 400, its accuracy",
        ),
        ({"epochs": 67}, 800, None),
        ({"epochs": 2, "ema": 0.999}, 44_800, "the initial weights make up 50% of the average over 700 training steps"),
        ({"epochs": 2, "ema": 0.99}, 44_800, None),
        ({"epochs": 3}, 40, "only 3 steps (batches of 40 of 40 images, epochs=3)"),
    ],
)
def test_too_few_steps(settings, num_images, says):
    caveat = caveats.few_steps(nk.TrainConfig(**settings), num_images)
    assert caveat is says is None or says in caveat


def test_the_advice_gives_enough_steps():
    caveat = caveats.few_steps(nk.TrainConfig(epochs=2), 800)
    assert "Use epochs=67, a smaller batch_size of the training, or the settings of nk.suggest_configs(" in caveat
    assert caveats.count_steps(nk.TrainConfig(epochs=67), 800) == 402


_SIX = np.arange(60) % 6  # of 60 images; p = 1/6, standard error sqrt(1/6 * 5/6 / 60) = 0.0481


@pytest.mark.parametrize(
    ("accuracy", "labels", "num_classes", "num_tried", "is_noise"),
    [
        (0.24, _SIX, 6, 1, True),  # threshold 1/6 + 1.645 * 0.0481 = 0.2458
        (0.25, _SIX, 6, 1, False),
        (0.28, _SIX, 6, 20, True),  # threshold 1/6 + 2.807 * 0.0481 = 0.3017
        (0.31, _SIX, 6, 20, False),
        (0.96, np.repeat([0, 1], [63, 1]), 2, 1, True),  # 63 to 1: all alike get 0.984
        (1.0, np.repeat([0, 1], [500, 500]), 2, 1000, False),
        (0.5, np.repeat([0, 1], [500, 500]), 2, 1, True),
        (0.0, _SIX, 6, 1, True),
    ],
)
def test_accuracies_that_guessing_gives(accuracy, labels, num_classes, num_tried, is_noise):
    assert (caveats.guessing("It", accuracy, labels, num_classes, num_tried) is not None) == is_noise


def test_the_figures_of_guessing():
    assert caveats.guessing("The best validation accuracy", 0.219, _SIX, 6, 3) == (
        "The best validation accuracy, 21.9%, is within noise of guessing: of these 60 images, guessing gets 16.7% "
        "right (the most frequent class has 16.7%, one of 6 classes is 16.7%; standard error 4.8%), and the best of 3 "
        "children that only guess exceeds 26.9% once in twenty times. Train longer (epochs), use more images, or see "
        "whether the labels belong to the images."
    )
    assert "and a child that only guesses exceeds 24.6% once" in caveats.guessing("It", 0.2, _SIX, 6)


def test_the_best_of_so_many_guesses_exceeds_the_threshold_once_in_twenty_times():
    rng = np.random.default_rng(0)
    for num_tried in (1, 20):
        best = rng.binomial(1000, 1 / 6, size=(4_000, num_tried)).max(1) / 1000
        labels = np.arange(1000) % 6
        exceeds = np.mean([caveats.guessing("It", a, labels, 6, num_tried) is None for a in best])
        assert 0.03 < exceeds < 0.07


def test_a_standard_error():
    assert caveats.standard_error(0.9, 900) == pytest.approx(0.01, rel=1e-3)
    low, high = wilson_interval(0.95, 40, NormalDist().cdf(1) - NormalDist().cdf(-1))
    assert caveats.standard_error(0.95, 40) == pytest.approx((high - low) / 2)
    # Where all are right, 0 would say that nothing can go wrong.
    assert caveats.standard_error(1.0, 100) == pytest.approx(0.005, rel=0.02)
    assert caveats.standard_error(np.nextafter(1, 2), 100) == caveats.standard_error(1.0, 100)


@pytest.mark.parametrize(
    ("accuracies", "num_images", "is_noise"),
    [
        ([0.90, 0.90, 0.90, 0.90, 0.92], 900, True),  # threshold 0.9 + 2.326 * 0.01 = 0.9233
        ([0.90, 0.90, 0.90, 0.90, 0.93], 900, False),
        ([0.90, 0.90, 0.90, 0.90, 0.92], 9_000, False),  # threshold 0.9 + 2.326 * 0.0032 = 0.9074
        ([0.5, 0.5, 0.5, 0.5], 100, False),  # too few to say so
        ([1.0] * 9, 100, True),
    ],
)
def test_accuracies_near_the_median(accuracies, num_images, is_noise):
    assert (caveats.near_median(accuracies, num_images) is not None) == is_noise


def test_the_figures_of_the_median():
    assert caveats.near_median([0.9, 0.92, 0.9, 0.9, 0.9], 900) == (
        "The best validation accuracy, 92.00%, is within noise of the median of the 5 children, 90.00%: on 900 "
        "validation images its standard error is 1.00%, and the best of so many equally good children exceeds 92.33% "
        "once in twenty times. The order of the best may be chance. Use more validation images, train children longer "
        "(epochs), or train the best with several seeds (launch/train_child.py)."
    )


def test_equally_good_children_are_told_apart_once_in_twenty_times():
    rng = np.random.default_rng(0)
    searches = rng.binomial(2000, 0.8, size=(2_000, 40)) / 2000
    apart = np.mean([caveats.near_median(list(search), 2000) is None for search in searches])
    assert 0.02 < apart < 0.08


def _trial(key, reward):
    return Trial(
        0,
        0,
        0,
        0,
        (0, 0),
        (),
        key,
        False,
        nk.Evaluation(reward, valid_accuracy=reward) if reward == reward else nk.Evaluation.failure("no"),
    )


def test_an_evaluator_says_both_with_the_data_it_has(monkeypatch):
    texts = []
    monkeypatch.setattr(training.logging, "warning", lambda text, *values: texts.append(text % values))
    with nk.TrainingEvaluator(tiny_images(), child=TINY_CHILD, train=TINY_TRAIN, workers=1) as evaluator:
        (steps,) = texts
        assert steps.startswith("A child is trained for only 8 steps (batches of 64 of 512 images, epochs=1).")
        assert evaluator.review([]) is None
        assert evaluator.review([_trial("a", float("nan"))]) is None
        assert evaluator.review([_trial("a", 0.9), _trial("b", 0.1)]) is None
        median = evaluator.review([_trial(str(i), 0.7 + i / 100) for i in range(5)])  # standard error: 4 points
        guess = evaluator.review([_trial("a", 0.2), _trial("b", 0.3), _trial("b", 0.3), _trial("c", float("nan"))])
    assert median.startswith("The best validation accuracy, 74.00%, is within noise of the median of the 5 ")
    assert guess.startswith("The best validation accuracy, 30.0%, is within noise of guessing: of these 128 images")
    assert "the best of 2 children that only guess exceeds" in guess
    texts.clear()
    with nk.TrainingEvaluator(tiny_images(), train=nk.TrainConfig(epochs=100), workers=1):
        assert texts == []
