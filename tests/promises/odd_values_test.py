"""Odd values for every argument of the public API: each is taken, or refused by an error of this package.

A valid call of each public function and class is the base. One argument after the other, as its signature lists them,
gets each odd value. A bare TypeError, ValueError, OverflowError and the like is a defect: the user does not learn what
is allowed.
"""

import contextlib
import dataclasses
import decimal
import fractions
import inspect
import json
import pathlib

import numpy as np
import pytest
from helpers import grid, tiny_images
from PIL import Image

import nas_keras as nk
from nas_keras.evaluators.base import Evaluator
from nas_keras.spaces import operations

HUGE = 10**400
NAN, INF = float("nan"), float("inf")


class _Hostile:
    """An object of which nothing can be asked."""

    def _raise(self, *_):
        raise RuntimeError("hostile")

    __repr__ = __str__ = __bool__ = _raise


class _Failing(Evaluator):
    """Every child fails."""

    def __init__(self, recipe):
        self.recipe = recipe

    def evaluate(self, jobs):
        return ((job, nk.Evaluation.failure("no")) for job in jobs)


ODD = [
    None, True, False, 0, 1, -1, 3, 2**31, 2**63, HUGE, -HUGE,
    0.5, -0.5, 1.0, NAN, INF, -INF, 1e300, 5e-324,
    fractions.Fraction(1, 3), fractions.Fraction(HUGE, 3), fractions.Fraction(1, HUGE),
    decimal.Decimal("0.5"), decimal.Decimal("NaN"), decimal.Decimal("sNaN"), 1 + 2j, 0.5j,
    np.int64(3), np.uint8(200), np.float32(0.5), np.float64(NAN), np.bool_(True), np.str_("none"), np.datetime64("NaT"),
    np.array(3), np.array([1, 2]), np.zeros([0]), np.zeros([2, 2, 2, 1]), np.array([None]), np.array(["a"]),
    "", "none", "a\x00b", "\ud800", "\n", "x" * 5_000, b"bytes", bytearray(b"b"),
    [], (), {}, set(), [None], [1], [[1, 2], [3]], ("a", "a"), {"a": 1}, {1: "a"}, {"a": {1}}, range(3), range(10**30),
    object(), object, int, len, lambda *_: None, lambda: 1, iter([1]), Ellipsis, NotImplemented,
    pathlib.Path("a\x00b"), _Hostile(), float, Exception("e"), slice(3),
]  # fmt: skip


def _named(value):
    try:
        return f"{type(value).__name__} {value!r}"[:60]
    except Exception:
        return type(value).__name__


def _write_module(path):
    path.write_text("ANSWER = 42\n")
    return path


def _store_images(folder):
    """A folder of two classes."""
    for name, value in (("a", 50), ("b", 200)):
        (folder / name).mkdir(parents=True)
        for i in range(4):
            Image.fromarray(np.full((8, 8), value + i, np.uint8)).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture(scope="module", name="bases")
def _bases(tmp_path_factory):
    """Name -> (callable, a valid call's arguments by name)."""
    folder = tmp_path_factory.mktemp("odd")
    images = tiny_images(count=64, side=8)
    pair, small = (images.train_images, images.train_labels), grid(2, 2)
    evaluation = nk.Evaluation(0.5)
    from nas_keras.evaluators.training import make_recipe

    failing = _Failing(make_recipe(images, nk.ChildConfig(), nk.TrainConfig(), "none"))
    nk.search(nk.spaces.small(), failing, strategy="random", max_evaluations=1, workdir=folder / "failed")
    trial = {
        "trial": 0, "iteration": 0, "policy_version": 0, "seed": 0, "actions": (0, 1), "log_probs": (), "key": "0,1",
        "cached": False, "evaluation": evaluation,
    }  # fmt: skip
    search = {"space": small, "evaluator": nk.FunctionEvaluator(lambda _: 0.5), "strategy": "random"}
    search |= {"max_evaluations": 2, "batch_size": 2, "max_trials": 4}
    return {
        "Cell": (nk.Cell, {"nodes": ((0, "identity"),)}),
        "Cell.chain": (lambda operations: nk.Cell.chain(operations), {"operations": "identity"}),
        "Cell.parse": (nk.Cell.parse, {"text": "identity"}),
        "ChildConfig": (nk.ChildConfig, {}),
        "Decision": (nk.Decision, {"name": "a", "choices": (1, 2)}),
        "Evaluation": (nk.Evaluation, {"reward": 0.5}),
        "Evaluation.failure": (nk.Evaluation.failure, {"reason": "no"}),
        "FunctionEvaluator": (nk.FunctionEvaluator, {"function": len}),
        "Limits": (nk.Limits, {}),
        "PPOConfig": (nk.PPOConfig, {}),
        "SearchSpace": (nk.SearchSpace, {"name": "s", "decisions": [nk.Decision("a", (1, 2))]}),
        "SearchSpace.decode": (small.decode, {"actions": (0, 1)}),
        "SearchSpace.encode": (small.encode, {"architecture": (0, 1)}),
        "SearchSpace.key": (small.key, {"actions": (0, 1)}),
        "SearchSpace.check": (small.check, {"actions": (0, 1)}),
        "SearchSpace.enumerate": (lambda distinct: list(small.enumerate(distinct)), {"distinct": False}),
        "spaces.small.encode": (nk.spaces.small().encode, {"architecture": nk.cells.vgg()}),
        "spaces.large.encode": (nk.spaces.large(2).encode, {"architecture": nk.cells.vgg()}),
        "spaces.large": (nk.spaces.large, {"num_nodes": 2}),
        "spaces.by_name": (nk.spaces.by_name, {"name": "small"}),
        "TrainConfig": (nk.TrainConfig, {}),
        "build_child": (
            nk.build_child,
            {"cell": nk.Cell.chain("identity"), "input_shape": (8, 8, 1), "num_classes": 2},
        ),
        "register_operation": (nk.register_operation, {"name": "odd", "build": lambda keras, x, filters: x}),
        "strategies.config_of": (nk.strategies.config_of, {"name": "random", "options": {}}),
        "strategies.make_strategy": (nk.strategies.make_strategy, {"name": "random", "space": small}),
        "strategies.PPO": (nk.strategies.PPO, {"space": small}),
        "strategies.Reinforce": (nk.strategies.Reinforce, {"space": small}),
        "strategies.RandomSearch": (nk.strategies.RandomSearch, {"space": small}),
        "strategies.RegularizedEvolution": (nk.strategies.RegularizedEvolution, {"space": small}),
        "strategies.Progressive": (nk.strategies.Progressive, {"space": nk.spaces.large(2)}),
        "strategies.PPOPredictor": (nk.strategies.PPOPredictor, {"space": small}),
        **{
            f"strategies.{name}": (getattr(nk.strategies, name), {})
            for name in ("EvolutionConfig", "ProgressiveConfig", "ReinforceConfig", "PPOPredictorConfig")
        },
        "RandomSearch.ask": (lambda n: nk.strategies.RandomSearch(small).ask(n), {"n": 2}),
        "PPO.ask": (nk.strategies.PPO(small, nk.PPOConfig(candidates=0)).ask, {"n": 2}),
        "Images.from_arrays": (nk.Images.from_arrays, {"train": pair, "valid": pair}),
        "Images.from_folder": (nk.Images.from_folder, {"path": _store_images(folder / "images")}),
        "load_images": (nk.load_images, {"name": "mnits", "data_dir": str(folder / "none")}),
        "TrainingEvaluator": (nk.TrainingEvaluator, {"images": images}),
        "TableEvaluator": (nk.TableEvaluator, {"path": folder / "none"}),
        "import_file": (nk.import_file, {"path": _write_module(folder / "own.py")}),
        "search": (nk.search, search),
        "suggest_configs": (nk.suggest_configs, {"images": images}),
        "top_trials": (nk.top_trials, {"trials": [nk.Trial(**trial)], "count": 1}),
        "pareto": (nk.pareto, {"trials": [nk.Trial(**trial)]}),
        "export_best": (nk.export_best, {"workdir": folder / "failed"}),
        "load_run": (nk.load_run, {"path": folder / "failed"}),
        "load_model": (nk.load_model, {"workdir": folder / "failed"}),
        "plot_policy": (nk.plot_policy, {"workdir": folder / "failed"}),
        "plot_run": (lambda workdir: nk.plot_run(workdir), {"workdir": folder / "failed"}),
        "plot_cell": (nk.plot_cell, {"cell": nk.Cell.chain("identity")}),
    }


NAMES = (
    "Cell", "Cell.chain", "Cell.parse",
    "ChildConfig", "Decision", "Evaluation", "Evaluation.failure", "FunctionEvaluator",
    "PPOConfig", "SearchSpace", "SearchSpace.decode", "SearchSpace.encode", "SearchSpace.key", "SearchSpace.check",
    "SearchSpace.enumerate", "spaces.small.encode", "spaces.large.encode", "spaces.large", "spaces.by_name",
    "TrainConfig", "build_child", "register_operation", "strategies.config_of", "strategies.make_strategy",
    "strategies.PPO", "strategies.Reinforce", "strategies.RandomSearch", "strategies.RegularizedEvolution",
    "strategies.Progressive", "strategies.PPOPredictor", "strategies.EvolutionConfig", "strategies.ProgressiveConfig",
    "strategies.ReinforceConfig", "strategies.PPOPredictorConfig", "RandomSearch.ask", "PPO.ask", "Images.from_arrays",
    "Images.from_folder", "load_images", "TrainingEvaluator", "TableEvaluator", "search", "top_trials", "export_best",
    "load_model",
    "load_run", "plot_run", "plot_policy",
    "plot_cell", "suggest_configs", "Limits", "pareto", "import_file",
)  # fmt: skip


_FREE = {"Evaluation.failure(reason)"}  # its text is the user's


@pytest.mark.parametrize("name", NAMES)
def test_an_odd_value_is_taken_or_refused(name, bases, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function, base = bases[name]
    parameters = inspect.signature(function).parameters.values()
    assert set(base) <= {parameter.name for parameter in parameters}
    defects = []
    for parameter in parameters:
        if f"{name}({parameter.name})" in _FREE:
            continue
        for value in ODD:
            if parameter.name.startswith("on_") and callable(value):
                continue  # a callback may raise whatever it likes
            known = dict(operations._BUILDERS)
            try:
                made = function(**{**base, parameter.name: value})
                with contextlib.ExitStack() as stack:
                    if hasattr(made, "__exit__"):
                        stack.enter_context(made)
            except nk.NasKerasError as error:
                assert str(error)
            except BaseException as error:
                defects.append(f"{name}({parameter.name}={_named(value)}): {type(error).__name__}: {error}"[:250])
            finally:
                operations._BUILDERS.clear()
                operations._BUILDERS.update(known)
    assert not defects, f"{len(defects)} defects\n" + "\n".join(defects)


@pytest.mark.parametrize(
    "config",
    [
        nk.ChildConfig, nk.TrainConfig, nk.PPOConfig, nk.strategies.PPOPredictorConfig, nk.strategies.ReinforceConfig,
        nk.strategies.EvolutionConfig, nk.strategies.ProgressiveConfig,
    ],
)  # fmt: skip
def test_a_configuration_that_is_taken_holds_values_of_json(config):
    count = 0
    for field in dataclasses.fields(config):
        for value in ODD:
            try:
                settings = dataclasses.asdict(config(**{field.name: value}))
            except nk.InvalidValueError:
                continue
            count += 1
            assert json.loads(json.dumps(settings, allow_nan=False)) == settings
    assert count >= 2 * len(dataclasses.fields(config))


def test_numbers_of_few_bits_do_not_wrap_around():
    config = nk.ChildConfig(filters=np.uint8(200), stages=np.uint8(4))
    assert config == nk.ChildConfig(filters=200, stages=4) and type(config.filters) is int
    with pytest.raises(nk.InvalidValueError, match="filters=200 with stages=9 is not allowed: the last stage would"):
        nk.ChildConfig(filters=np.uint8(200), stages=np.uint8(9))


@pytest.mark.parametrize("value", [HUGE, fractions.Fraction(HUGE, 3)])
def test_a_number_too_large_for_a_float_is_refused(value):
    with pytest.raises(nk.InvalidValueError, match="^learning_rate=.* is not allowed: it must be a number of at least"):
        nk.TrainConfig(learning_rate=value)


def test_each_public_function_and_class_is_here():
    """All but the types that travel, of which only their fields are used, and the classes that users derive from."""
    callables = {name for name in nk.__all__ if callable(getattr(nk, name))}
    types = {"Job", "Proposals", "Trial", "Evaluator", "SearchResult", "SuggestedConfigs", "Images"}
    errors = {name for name in callables if isinstance(made := getattr(nk, name), type) and issubclass(made, Exception)}
    assert callables - types - errors <= {name.partition(".")[0] for name in NAMES}


def test_a_search_takes_numpy_s_integers(tmp_path):
    settings = {"max_evaluations": np.uint8(60), "batch_size": np.int16(8), "lag": np.int64(0)}
    one = nk.FunctionEvaluator(lambda _: 0.5)
    result = nk.search(grid(8, 8), one, strategy="random", workdir=tmp_path / "run", **settings)
    assert result.num_evaluations == 60
    budget = json.loads((tmp_path / "run" / "config.json").read_text())["budget"]
    assert budget == {"max_evaluations": 60, "max_trials": 1200}
