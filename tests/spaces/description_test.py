"""Tests of nas_keras/spaces/description.py: spaces as JSON, and choices without a name of their own."""

import dataclasses
import functools

import numpy as np
import pytest
from helpers import described_as_json, own_space

import nas_keras as nk
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.spaces.description import check_description, check_names, name_space


def test_a_description_is_json_with_decisions_and_choices_by_name():
    space = own_space("none", 3, 0.5, None, ("a", 1))
    assert described_as_json(space) == {
        "name": "own",
        "fingerprint": space.fingerprint,
        "decisions": [
            {"name": "edge", "choices": ["'none'", "3", "0.5", "None", "('a', 1)"]},
            {"name": "last", "choices": ["0", "1"]},
        ],
    }


@dataclasses.dataclass(frozen=True)
class _Layer:
    width: int


def test_a_fingerprint_is_named_if_it_is_that_of_a_built_in_space():
    assert name_space(nk.spaces.small().fingerprint) == "small" and name_space("feed") == "feed"


def test_a_description_matches_its_fingerprint():
    described = described_as_json(own_space("a", "b", key=lambda actions: "k"))
    check_description(described, "config.json")
    check_description({"name": "own", "fingerprint": "feed"}, "config.json")  # an older one, without decisions
    with pytest.raises(DataError, match="^The space in config.json does not match its fingerprint. Restore the file"):
        check_description({**described, "functions": {"key": 3}}, "config.json")


class _Plain:
    pass


@pytest.mark.parametrize(
    ("choice", "why"),
    [
        (lambda x: x, "holds an address in memory"),
        (_Plain(), "holds an address in memory"),
        (functools.partial(max, _Plain()), "holds an address in memory"),
        (("a", [{"b": _Plain()}]), "holds an address in memory"),
        (_Layer(max_width := _Plain()), "holds an address in memory"),
        (np.arange(2_000), "whose text is abbreviated"),
        (np.zeros((100, 100)), "whose text is abbreviated"),
        (_Layer(np.arange(2_000)), "whose text is abbreviated"),
        ({"a", "b"}, "a set, whose order changes"),
        ((1, frozenset("ab")), "a set, whose order changes"),
    ],
    ids=lambda value: None,
)
def test_a_choice_without_a_name_of_its_own_is_refused_where_a_run_is_kept(tmp_path, choice, why):
    space = nk.SearchSpace("own", [nk.Decision("first", (1, 2)), nk.Decision("edge", ("plain", choice))])
    evaluator = nk.FunctionEvaluator(lambda choices: 1.0)
    with pytest.raises(InvalidValueError) as caught:
        nk.search(space, evaluator, strategy="random", max_evaluations=4, workdir=tmp_path / "run")
    said = str(caught.value)
    assert said.startswith("Choice 1 of decision 'edge' is ") and why in said
    assert "Give each choice a name: keep the objects in a dict" in said
    assert not (tmp_path / "run").exists()
    assert nk.search(space, evaluator, strategy="random", max_evaluations=4).num_evaluations == 4


def test_choices_with_names_of_their_own_are_kept():
    usual = (
        "a at 0x1f",
        "wait...",
        3,
        0.5,
        None,
        True,
        b"",
        (1, "at 0x1f"),
        _Layer(3),
        np.arange(5),
        np.float32(2),
    )
    check_names(own_space(*usual, ..., {"a"}, {"a": [1]}, max, int))
