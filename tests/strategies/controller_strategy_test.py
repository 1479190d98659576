"""Tests of nas_keras/strategies/controller_strategy.py: searches in one process release the memory that they use."""

import json

import pytest
from helpers import run_python

_MANY_SEARCHES = """
import gc, json, sys
import nas_keras as nk
from helpers import grid
from nas_keras.benchmarks.resident import resident_bytes

space, evaluator = grid(4, 4, 4), nk.FunctionEvaluator(lambda choices: float(sum(choices)))
for name in sys.argv[2:]:
    for seed in range(2 + int(sys.argv[1])):
        nk.search(space, evaluator, strategy=name, max_evaluations=24, seed=seed)
        gc.collect()
        if seed == 1:  # by now everything is loaded
            before = len(gc.get_objects()), resident_bytes()
    print(json.dumps([len(gc.get_objects()) - before[0], (resident_bytes() - before[1]) / 2**20]))
"""


def _growth(num_searches, *strategies):
    """For each strategy, objects of Python and MiB by which a process grows over so many searches."""
    done = run_python(_MANY_SEARCHES, num_searches, *strategies, timeout=1_200)
    assert done.returncode == 0, done.stderr
    return dict(zip(strategies, map(json.loads, done.stdout.splitlines()), strict=True))


def test_a_search_leaves_nothing_behind():
    """A graph that is kept alive is thousands of objects and 3 to 8 MiB."""
    for name, (objects, mib) in _growth(4, "reinforce", "ppo", "ppo_predictor").items():
        assert objects < 500, name
        assert mib < 8, name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["reinforce", "ppo", "ppo_predictor"])
def test_a_hundred_searches_take_less_than_20_mib(name):
    ((objects, mib),) = _growth(100, name).values()
    assert objects < 500 and mib < 20
