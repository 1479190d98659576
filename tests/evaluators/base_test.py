"""Tests of nas_keras/evaluators/base.py."""

import pytest
from helpers import grid, job

import nas_keras as nk
from nas_keras.errors import InvalidValueError
from nas_keras.evaluators.base import Evaluator, check_evaluator, describe_evaluator


def test_the_base_class_has_defaults_for_all_but_evaluate():
    class Counts(Evaluator):
        closed = 0

        def close(self):
            self.closed += 1

    with Counts() as evaluator:
        assert (evaluator.recipe, evaluator.source, evaluator.lag) == ({}, {}, 0)
        assert evaluator.check(grid(2)) is None
        with pytest.raises(NotImplementedError):
            evaluator.evaluate([job()])
    assert evaluator.closed == 1
    assert Evaluator().close() is None


class _Plain:
    recipe = {"mine": 1}

    def evaluate(self, jobs):
        return []


def test_any_object_with_the_method_is_an_evaluator():
    check_evaluator(_Plain())
    for wrong in (_Plain, 3, lambda jobs: []):
        with pytest.raises(InvalidValueError, match="must be an object with a method evaluate"):
            check_evaluator(wrong)


def test_the_method_takes_the_jobs_and_nothing_else():
    class Two:
        def evaluate(self, jobs, more):
            return []

    with pytest.raises(InvalidValueError, match="its method evaluate.jobs, more. must take the jobs and nothing else"):
        check_evaluator(Two())


def test_a_description_has_a_default_for_what_is_lacking():
    described = describe_evaluator(_Plain())
    assert described._replace(limits=None) == ({"mine": 1}, [], {}, {}, 0, None, None)
    assert described.limits == nk.Limits()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("recipe", [1], "it is not a dict"),
        ("source", {"a": float("nan")}, "Out of range float values"),
        ("environment", {"a": {1, 2}}, "not JSON serializable"),
        ("variants", {"a": 1}, "must be a list of recipes"),
        ("variants", [3], "it is not a dict"),
        ("limits", 3, "must be an nk.Limits"),
    ],
)
def test_attributes_that_are_no_json_objects_are_refused(name, value, says):
    evaluator = _Plain()
    setattr(evaluator, name, value)
    with pytest.raises(InvalidValueError, match=says):
        describe_evaluator(evaluator)
