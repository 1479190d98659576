"""Tests of nas_keras/__init__.py: the names a user types."""

import inspect
import types

import pytest
from helpers import run_python

import nas_keras as nk

NAMES = """
    Cell ChildConfig DataError Decision Evaluation Evaluator FunctionEvaluator Images InvalidValueError Job Limits
    NasKerasError OPERATIONS PPOConfig Proposals SearchResult SearchSpace StopSearch SuggestedConfigs
    TableEvaluator TrainConfig TrainingEvaluator Trial build_child cells export_best import_file load_images load_model
    load_run pareto plot_cell plot_policy plot_run register_operation search spaces strategies suggest_configs
    top_trials
""".split()


def test_the_public_names_are_these():
    assert sorted(nk.__all__) == sorted(set(nk.__all__)) == NAMES
    assert dir(nk) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there_and_explained(name):
    value = getattr(nk, name)
    if name == "OPERATIONS":
        assert value[0] == "conv_1x3_3x1" and len(value) == 8
        return
    assert isinstance(value, (type, types.FunctionType, types.ModuleType))
    text = value.__doc__  # not inspect.getdoc, which takes a base class's for want of an own
    assert text and len(text) > 20 and not text.startswith(f"{name}("), text  # dataclasses make one up
    if isinstance(value, type):
        for attribute, method in vars(value).items():
            if inspect.isfunction(method) and not attribute.startswith("_"):
                assert method.__doc__, f"{name}.{attribute}"


def test_strategies_by_name():
    assert nk.strategies.PPO.__doc__ and nk.strategies.RandomSearch.__doc__
    assert nk.strategies.PPOConfig is nk.PPOConfig
    assert issubclass(nk.strategies.RandomSearch, nk.strategies.Strategy)


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="^module 'nas_keras' has no attribute 'Searcher'$"):
        _ = nk.Searcher
    with pytest.raises(ImportError):
        from nas_keras import nothing  # noqa: F401


def test_errors_are_of_two_kinds():
    assert issubclass(nk.InvalidValueError, nk.NasKerasError) and issubclass(nk.InvalidValueError, ValueError)
    assert issubclass(nk.DataError, nk.NasKerasError) and not issubclass(nk.DataError, ValueError)


def test_spaces_cells_keys_and_configurations_import_no_tensorflow():
    code = """
import sys
import nas_keras as nk
for space in (nk.spaces.small(), nk.spaces.large(2)):
    actions = next(space.enumerate())
    space.key(actions), space.decode(actions), space.fingerprint
nk.spaces.large(3).encode(nk.cells.resnet())
nk.SearchSpace("mine", [nk.Decision("edge", ("none", "skip"))])
nk.ChildConfig(), nk.TrainConfig(), nk.PPOConfig()
nk.FunctionEvaluator(lambda architecture: 1.0)
nk.register_operation("twice", lambda keras, x, filters: x)
nk.Job("k", (0,), None, 0), nk.Evaluation(0.5), nk.Proposals(None)
nk.Images
heavy = {"tensorflow", "tf_keras", "keras", "tf_agents", "tensorflow_datasets"} & set(sys.modules)
assert not heavy, heavy
"""
    done = run_python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_search_with_ppo_brings_tensorflow_in_and_prints_nothing():
    code = """
import sys
import nas_keras as nk
assert "tensorflow" not in sys.modules
space = nk.spaces.large(1)
evaluator = nk.FunctionEvaluator(lambda cell: len(cell.key) / 100)
result = nk.search(space, evaluator, strategy="ppo", max_evaluations=7, batch_size=4)
assert result.num_evaluations == 7, result
assert {"tensorflow", "tf_agents"} <= set(sys.modules)
"""
    done = run_python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
