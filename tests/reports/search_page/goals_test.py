"""Tests of nas_keras/reports/search_page/goals.py: verdicts whose numbers are known beforehand."""

import pathlib

import pytest

import nas_keras as nk
from nas_keras.reports.search_page.facts import RunFacts
from nas_keras.reports.search_page.goals import section, verdicts
from nas_keras.results.runs import Run
from nas_keras.storage.table import Table
from nas_keras.trial import Evaluation, Trial

SPACE = nk.spaces.large(2)  # of people's cells only VGG fits it
NAN = float("nan")
VGG = "conv_3x3[conv_3x3]"


def _trial(key, evaluation, place=0):
    actions = SPACE.encode(nk.Cell.chain("conv_5x5"))  # the winner's, which is shown as a cell
    return Trial(place, 0, 0, 0, actions, (), key, False, evaluation)


def _run(strategy, rewards):
    trials = [_trial(f"{strategy}{i}", Evaluation(reward), i) for i, reward in enumerate(rewards)]
    title = {"ppo": "PPO", "random": "random search"}[strategy]
    return Run(pathlib.Path(strategy), title, {"fixed": {"strategy": {"name": strategy}}}, SPACE, [trials])


def _table(accuracies):
    trials = [
        _trial(key, Evaluation(valid, valid_accuracy=valid, test_accuracy=test))
        for key, pairs in accuracies.items()
        for valid, test in pairs
    ]
    return Table({}, {}, {}, SPACE.fingerprint, trials)


def _facts(accuracies=None, *, goal=NAN, runs=None):
    runs = runs or [_run("ppo", [0.5, 0.6])]
    return RunFacts(runs, _table(accuracies) if accuracies else None, None, goal)


def test_a_winner_that_beats_people_in_both_means_and_what_the_noise_leaves_of_it():
    (vgg,) = verdicts(_facts({"conv_5x5": [(0.98, 0.97), (0.98, 0.97)], VGG: [(0.95, 0.95), (0.97, 0.95)]}))
    assert vgg.reached is True
    assert vgg.text == (
        "The winner beats VGG in both means: +2.00 ± 1.00 points in validation and +2.00 ± 0.00 points in test; "
        "in validation that is within two standard errors."
    )


def test_a_winner_that_is_better_in_one_mean_only_does_not_beat():
    (vgg,) = verdicts(_facts({"conv_5x5": [(0.98, 0.90), (0.98, 0.90)], VGG: [(0.97, 0.95), (0.97, 0.95)]}))
    assert vgg.reached is False
    assert vgg.text == (
        "The winner does not beat VGG in both means: +1.00 ± 0.00 points in validation and -5.00 ± 0.00 points in test."
    )


def test_people_s_cells_are_no_winners():
    facts = _facts({VGG: [(0.99, 0.99)], "conv_5x5": [(0.98, 0.98)]})
    assert facts.winner.key == "conv_5x5"
    assert _facts({VGG: [(0.99, 0.99)]}).winner is None


@pytest.mark.parametrize(("valid", "test", "reached"), [(0.9945, 0.9945, True), (0.9945, 0.994, False)])
def test_the_goal_is_reached_in_both_means_or_not(valid, test, reached):
    verdict = verdicts(_facts({"conv_5x5": [(valid, test)] * 2}, goal=0.9944))[-1]
    assert verdict.reached is reached
    verb = "reach" if reached else "do not reach"
    assert verdict.text.startswith(f"The winner's means {verb} 99.44 % in validation and in test: `conv_5x5` has 99.45")


def test_one_training_is_no_mean():
    found = verdicts(_facts({"conv_5x5": [(0.98, 0.98)], VGG: [(0.97, 0.97)]}, goal=0.9))
    assert [verdict.reached for verdict in found] == [None, None]
    assert "trainings so far: 1 and 1; both need the same number, at least two." in found[0].text
    assert found[1].text.endswith("it has been trained only once so far.")


def test_unequal_numbers_of_trainings_are_not_compared():
    (vgg,) = verdicts(_facts({"conv_5x5": [(0.98, 0.98)] * 3, VGG: [(0.97, 0.97)] * 2}))
    assert vgg.reached is None and "trainings so far: 3 and 2;" in vgg.text


def test_without_a_longer_training_nothing_is_known():
    found = verdicts(_facts(goal=0.99))
    assert [verdict.reached for verdict in found] == [None, None]
    assert "nothing was trained longer yet" in found[-1].text
    text = section(_facts(goal=0.99))
    assert "Not known yet:" in text and "Reached:" not in text


def test_ten_best_against_random_are_of_equally_many_evaluations():
    ppo = _run("ppo", [0.5, 0.7, 0.9])
    random = _run("random", [0.5, 0.6])
    (verdict,) = verdicts(_facts(runs=[random, ppo]))[-1:]
    # Of PPO's first two: mean 0.6; the third came later than random search got.
    assert verdict.reached is True and verdict.text == (
        "The 10 best of PPO are better than those of random search, after 2 evaluations each: rewards 60.00 ± 14.14 "
        "and 55.00 ± 7.07 (mean ± standard deviation of the 10), a difference of +5.00 points. This is one pair of "
        "runs; other seeds may end otherwise."
    )
    (verdict,) = verdicts(_facts(runs=[_run("ppo", [0.5, 0.6]), _run("random", [0.5, 0.6])]))[-1:]
    assert verdict.reached is False and "are no better than those of random search" in verdict.text


def test_too_few_to_compare():
    (verdict,) = verdicts(_facts(runs=[_run("ppo", [0.5]), _run("random", [0.5, 0.6])]))[-1:]
    assert verdict.reached is None and verdict.text.endswith("too few evaluations succeeded.")


def test_the_page_says_what_was_not_reached_first_and_what_the_noise_is():
    accuracies = {"conv_5x5": [(0.98, 0.97), (0.96, 0.97)], VGG: [(0.99, 0.99), (0.99, 0.99)]}
    text = section(_facts(accuracies, runs=[_run("ppo", [0.5, 0.9]), _run("random", [0.5, 0.6])]))
    assert text.index("Not reached:\n\n- The winner does not beat VGG") < text.index("Reached:\n\n- The 10 best of PPO")
    # Deviations of 0.01 about one mean and of 0 about the other: the pooled variance is (2 x 0.01^2 + 0) / 2.
    assert "One longer training scatters by 1.00 points of validation accuracy about its cell's mean" in text
    assert "the standard error of a mean of 2 is 0.71; the 2 cells" in text
    assert "2 of them, the first included, are within two standard errors" in text
