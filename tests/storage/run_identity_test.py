"""Tests of run_identity.py: a start with other code is refused, and older runs go on by the names alone."""

import json
import logging

import pytest
from helpers import facts, grid, run_python

import nas_keras as nk
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.results.runs import read_runs
from nas_keras.spaces import operations
from nas_keras.storage.recipe import without_code
from nas_keras.storage.records.shards import read_shard


@pytest.fixture(autouse=True)
def _builders(monkeypatch):
    """The operations, put back after the test."""
    monkeypatch.setattr(operations, "_BUILDERS", dict(operations._BUILDERS))
    monkeypatch.setattr(operations, "_CODE", dict(operations._CODE))


def _scaled(by):
    def reward(choices):
        return float(by * sum(choices))

    return reward


def _search(workdir, function, *, budget=4, space=None, **settings):
    evaluator = nk.FunctionEvaluator(function, **settings)
    return nk.search(
        space or grid(4, 4), evaluator, strategy="random", max_evaluations=budget, batch_size=2, workdir=workdir
    )


def _files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_changed_function_is_refused_with_what_changed_and_the_same_goes_on(tmp_path):
    _search(tmp_path, _scaled(1))
    before = _files(tmp_path)
    with pytest.raises(InvalidValueError) as caught:
        _search(tmp_path, _scaled(2), budget=8)
    assert str(caught.value) == (
        f"workdir={str(tmp_path)!r} is a run whose rewards came from other code. the function: by in "
        "_scaled.<locals>.reward was 1, is 2. Restore the code (or pass the same version= as before), or start in "
        "another folder."
    )
    assert _files(tmp_path) == before
    assert _search(tmp_path, _scaled(1), budget=8).num_evaluations == 8


def test_two_lambdas_are_two_functions(tmp_path):
    one, other = (lambda choices: 1.0), (lambda choices: 2.0)
    _search(tmp_path, one)
    with pytest.raises(InvalidValueError, match="the function: .*<lambda> has changed"):
        _search(tmp_path, other)


def test_a_version_stands_for_the_code(tmp_path):
    _search(tmp_path, _scaled(1), version="1")
    assert _search(tmp_path, _scaled(2), version="1", budget=5).num_evaluations == 5
    with pytest.raises(InvalidValueError, match="given version was 1, is 2"):
        _search(tmp_path, _scaled(1), version="2")
    with pytest.raises(InvalidValueError, match="it had version='1', and has none now.*or pass the same version= as"):
        _search(tmp_path, _scaled(1))


def test_a_changed_decode_of_a_space_is_refused(tmp_path):
    def space(by):
        return grid(4, 4, decode=lambda actions: [by * action for action in actions])

    _search(tmp_path, sum, space=space(1))
    with pytest.raises(InvalidValueError, match="other settings. space: its function decode: by in .* was 1, is 3"):
        _search(tmp_path, sum, space=space(3))
    assert _search(tmp_path, sum, space=space(1), budget=5).num_evaluations == 5


def _make_older(workdir):
    """Writes a run's files as a version did that knew functions by their names and spaces by a fingerprint."""
    path = workdir / "config.json"
    config = json.loads(path.read_text())
    del config["fixed"]["space"]["decisions"]
    config["fixed"]["recipe"] = without_code(config["fixed"]["recipe"])
    path.write_text(json.dumps(config))


class _ByName(nk.FunctionEvaluator):
    """As that version made its recipe."""

    def __init__(self, function):
        super().__init__(function)
        self.recipe = without_code(self.recipe)


def test_a_run_that_was_begun_before_code_counted_goes_on_by_the_names(tmp_path, caplog):
    settings = {"strategy": "random", "batch_size": 2}
    nk.search(grid(4, 4), _ByName(_scaled(1)), max_evaluations=4, workdir=tmp_path, **settings)
    _make_older(tmp_path)
    older = json.loads((tmp_path / "config.json").read_text())["fixed"]
    with pytest.raises(DataError, match="config.json does not say the decisions of its space 'grid'"):
        read_runs([tmp_path])
    with caplog.at_level(logging.WARNING):
        result = _search(tmp_path, _scaled(1), budget=8)
    assert caplog.text.count("begun by a version that did not record the code") == 1
    whole = nk.search(grid(4, 4), _ByName(_scaled(1)), max_evaluations=8, **settings)
    assert facts(result.trials) == facts(whole.trials)
    assert len(read_shard(tmp_path / "dataset" / "trials-000003.tfrecord")) == 2
    # That start adds what is missing: the run can be read without its program, and its code counts.
    config = json.loads((tmp_path / "config.json").read_text())
    decisions = [{"name": f"d{i}", "choices": ["0", "1", "2", "3"]} for i in range(2)]
    assert config["fixed"] == {**older, "space": {**older["space"], "decisions": decisions}}
    assert config["code"]["function_code"]["by in _scaled.<locals>.reward"] == "1"
    assert facts(read_runs([tmp_path])[0].trials) == facts(whole.trials)
    with caplog.at_level(logging.WARNING):
        assert _search(tmp_path, _scaled(1), budget=9).num_evaluations == 9
    assert caplog.text.count("begun by a version that did not record the code") == 1
    assert json.loads((tmp_path / "config.json").read_text())["code"] == config["code"]
    with pytest.raises(InvalidValueError, match="came from other code. the function: by in .* was 1, is 2"):
        _search(tmp_path, _scaled(2), budget=9)
    known = {"warm_start_from": tmp_path, "max_evaluations": 1, **settings}
    assert nk.search(grid(4, 4), nk.FunctionEvaluator(_scaled(1)), **known).num_evaluations == 1
    with pytest.raises(InvalidValueError, match="by in _scaled.<locals>.reward was 1, is 2"):
        nk.search(grid(4, 4), nk.FunctionEvaluator(_scaled(2)), **known)
    for settings, says in (
        ({"function": sum}, 'recipe.function: ".*" before, "sum" now'),
        ({"function": _scaled(1), "recipe": {"a": 1}}, '{"a": 1} now'),
        (
            {"function": _scaled(1), "space": grid(4, 5)},
            "space: decision .* choice 4 is new",
        ),
        ({"function": _scaled(1), "space": grid(4, 4)}, None),
    ):
        if says is None:
            assert _search(tmp_path, budget=9, **settings).num_evaluations == 9
            continue
        with pytest.raises(InvalidValueError, match=says):
            _search(tmp_path, **settings)


def _builder(size):
    return lambda keras, x, filters: keras.layers.Conv2D(filters, size, padding="same")(x)


def test_the_operations_of_the_searched_space_are_in_the_recipe_and_no_others():
    from helpers import TINY_CHILD, TINY_TRAIN, tiny_images

    images, settings = tiny_images(64), {"child": TINY_CHILD, "train": TINY_TRAIN, "workers": 1}
    with nk.TrainingEvaluator(images, **settings) as evaluator:
        evaluator.check(nk.spaces.small())
        plain, half = evaluator.recipe, evaluator.variants
    for name, size in (("own", 3), ("unused", 5)):
        nk.register_operation(name, _builder(size))
    with nk.TrainingEvaluator(images, **settings) as evaluator:
        evaluator.check(nk.spaces.small())
        assert (evaluator.recipe, evaluator.variants) == (plain, half)
        evaluator.check(nk.spaces.large(1, operations=("own", "identity")))
        code = evaluator.recipe["operation_code"]
        assert list(code) == ["own"] and code["own"]["size in _builder.<locals>.<lambda>"] == "3"
        assert without_code(evaluator.recipe) == plain
        assert [variant["operation_code"] for variant in evaluator.variants] == [code]
        nk.register_operation("own", _builder(7), replace=True)
        with pytest.raises(InvalidValueError, match="'own' was registered again after this TrainingEvaluator was made"):
            evaluator.check(nk.spaces.large(1, operations=("own", "identity")))
        evaluator.check(nk.spaces.small())
        assert (evaluator.recipe, evaluator.variants) == (plain, half)


_START = """
import sys
import nas_keras as nk
from helpers import TINY_CHILD, TINY_TRAIN, tiny_images

class Instant(nk.TrainingEvaluator):
    def evaluate(self, jobs):
        for job in jobs:
            yield job, nk.Evaluation(0.5)

def start(size, workdir, budget):
    def own(keras, x, filters):
        return keras.layers.Conv2D(filters, size, padding="same")(x)
    nk.register_operation("own", own, replace=True)
    space = nk.spaces.large(1, operations=("own", "identity"))
    with Instant(tiny_images(64), child=TINY_CHILD, train=TINY_TRAIN, workers=1) as evaluator:
        return nk.search(space, evaluator, strategy="random", max_evaluations=budget, batch_size=1, workdir=workdir)

if __name__ == "__main__":
    for size, budget in ((3, 1), (5, 2), (3, 2)):
        try:
            print(start(size, sys.argv[1], budget).num_evaluations)
        except nk.InvalidValueError as error:
            print(error)
"""


def test_a_changed_operation_is_refused_by_its_name_in_another_process_too(tmp_path):
    (tmp_path / "mine.py").write_text(_START)
    program = f"import runpy; runpy.run_path({str(tmp_path / 'mine.py')!r}, run_name='__main__')"
    done = run_python(program, tmp_path / "run")
    refusal = "is a run whose rewards came from other code. operation 'own': size in start.<locals>.own was 3, is 5."
    lines = done.stdout.splitlines()
    assert len(lines) == 3 and lines[0] == "1" and refusal in lines[1] and lines[2] == "2", done.stderr
    again = run_python(program, tmp_path / "run").stdout.splitlines()
    assert again == ["2", *lines[1:]]  # the first start has nothing left to do
