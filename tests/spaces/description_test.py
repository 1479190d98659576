"""Tests of nas_keras/spaces/description.py: spaces as JSON, what differs between two, and read again."""

import dataclasses
import functools
import json

import numpy as np
import pytest
from helpers import grid

import nas_keras as nk
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.spaces.description import (
    NamedChoice,
    check_names,
    choice_places,
    describe_space,
    name_space,
    rebuild_space,
    space_difference,
)


def _space(*choices, name="own", decision="edge", **settings):
    return nk.SearchSpace(name, [nk.Decision(decision, choices), nk.Decision("last", (0, 1))], **settings)


def _read(space):
    return json.loads(json.dumps(describe_space(space)))


def test_a_description_is_json_with_decisions_and_choices_by_name():
    space = _space("none", 3, 0.5, None, ("a", 1))
    assert _read(space) == {
        "name": "own",
        "fingerprint": space.fingerprint,
        "decisions": [
            {"name": "edge", "choices": ["'none'", "3", "0.5", "None", "('a', 1)"]},
            {"name": "last", "choices": ["0", "1"]},
        ],
    }


_LARGE = nk.spaces.large(2, operations=("conv_3x3", "mine"))


@pytest.mark.parametrize(
    "space",
    [
        _space("none", "3", 3, 0.5, None, True, ("a", 1), "it's", b"x", float("inf"), 1j, -2),
        _LARGE,
        *map(nk.spaces.large, range(1, 9)),
        nk.spaces.small(),
    ],
    ids=repr,
)
def test_a_space_comes_back_from_its_description(space):
    back = rebuild_space(_read(space), "config.json")
    assert back.fingerprint == space.fingerprint and back.num_choices == space.num_choices
    last = [len(decision.choices) - 1 for decision in space.decisions]
    assert repr(back.decode(last)) == repr(space.decode(last)) and back.key(last) == space.key(last)


@dataclasses.dataclass(frozen=True)
class _Layer:
    width: int


def test_a_choice_that_is_no_plain_value_comes_back_as_its_name():
    space = rebuild_space(_read(_space(_Layer(3), _Layer(4))), "config.json")
    assert repr(space.decode((1, 0))[0]) == "_Layer(width=4)"
    assert space.encode((NamedChoice("_Layer(width=4)"), 0)) == (1, 0)
    assert len({NamedChoice("a"), NamedChoice("a")}) == 1 and NamedChoice("a") != "a"


def test_a_key_function_of_the_user_s_is_not_kept_and_said_so():
    space = rebuild_space(_read(_space("a", "b", key=lambda actions: "k")), "config.json")
    assert space.decode((1, 1)) == ("b", 1)
    with pytest.raises(InvalidValueError, match="The key of .* cannot be computed: .* Use the keys of its trials"):
        space.key((1, 1))


def _same_but(**changed):
    return {**_read(_space("a", "b")), **changed}


@pytest.mark.parametrize(
    "described",
    [
        {},
        _same_but(fingerprint="0" * 16),
        _same_but(name="other"),
        _same_but(name=3),
        _same_but(decisions=None),
        _same_but(decisions=[]),
        _same_but(decisions=[3]),
        _same_but(decisions=[{"name": "edge", "choices": "ab"}]),
        _same_but(decisions=[{"name": "edge", "choices": [1, 2]}]),
        _same_but(decisions=[{"name": "edge", "choices": ["(" * 9_000]}]),
        _same_but(decisions=[{"name": "edge", "choices": ["-" * 9_000 + "1"]}]),
        {**_read(_LARGE), "decisions": _read(_space("a"))["decisions"]},
        {**_read(nk.spaces.large(1)), "fingerprint": "0" * 16},
    ],
    ids=lambda described: json.dumps(described)[:60],
)
def test_a_damaged_description_is_refused_by_name(described):
    with pytest.raises(DataError, match="config.json"):
        rebuild_space(described, "config.json")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (_space("a", "b"), _space("a", "b", "c"), "decision 'edge': choice 'c' is new"),
        (_space("a", "b"), _space("b"), "decision 'edge': choice 'a' is gone"),
        (_space("a", "b"), _space("c"), "decision 'edge': choice 'a', 'b' is gone, 'c' is new"),
        (_space("a", "b"), _space("b", "a"), "decision 'edge': choices in the order 'a', 'b' before, 'b', 'a' now"),
        (_space(3), _space("3"), "decision 'edge': choice 3 is gone, '3' is new"),
        (_space("a"), _space("a", name="new"), "name 'own' before, 'new' now"),
        (_space("a"), _space("a", decision="op"), "decision 'edge' is gone; decision 'op' is new"),
        (grid(9), grid(2), "decision 'd0': choice 2, 3, 4, 5, 6 and 2 more is gone"),
        (nk.spaces.large(1), _LARGE, "name 'large1' before, 'large2' now"),
        (_space("a"), _space("a", decode=lambda a: 1), "its function decode: <lambda> is new"),
        (
            _space("a", key=lambda a: "1"),
            _space("a", key=lambda a: "2"),
            "its function key: <lambda> has changed",
        ),
        (_space("a"), _space("a"), ""),
    ],
    ids=lambda value: None,
)
def test_what_differs_is_said_by_name(old, new, says):
    said = space_difference(_read(old), describe_space(new))
    assert said.startswith(says) and bool(said) == bool(says)


def test_of_an_older_description_a_built_in_space_is_known_and_another_one_is_not():
    small = {"name": "small", "fingerprint": nk.spaces.small().fingerprint}
    assert name_space(small["fingerprint"]) == "small" and name_space("feed") == "feed"
    assert space_difference(small, describe_space(_space("a"))).startswith("name 'small' before, 'own' now")
    older = {"name": "own", "fingerprint": "feed"}
    said = space_difference(older, describe_space(_space("a")))
    assert said.startswith("own (feed) before, own (") and said.endswith("were not recorded")
    with pytest.raises(DataError, match="config.json does not say the decisions of its space 'own'"):
        rebuild_space(older, "config.json")


def test_choices_are_found_by_name_in_another_space():
    old, new = _read(_space("a", "b", "c")), _read(_space("c", "d", "a"))
    assert choice_places(old, new) == [[2, None, 0], [0, 1]]
    reordered = {**new, "decisions": new["decisions"][::-1]}  # another tuple is another architecture
    for other in (reordered, _read(_space("a", name="new")), _read(_space("a", decode=lambda a: 1)), _read(grid(2))):
        assert choice_places(old, other) is None
        assert choice_places(other, old) is None


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
    check_names(_space(*usual, ..., {"a"}, {"a": [1]}, max, int))
