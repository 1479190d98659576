"""Tests of nas_keras/spaces/rebuilding.py: a space from its description alone."""

import dataclasses
import json

import pytest
from helpers import described_as_json, own_space

import nas_keras as nk
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.spaces.rebuilding import NamedChoice, rebuild_space

_LARGE = nk.spaces.large(2, operations=("conv_3x3", "mine"))


@dataclasses.dataclass(frozen=True)
class _Layer:
    width: int


@pytest.mark.parametrize(
    "space",
    [
        own_space("none", "3", 3, 0.5, None, True, ("a", 1), "it's", b"x", float("inf"), 1j, -2),
        _LARGE,
        *map(nk.spaces.large, range(1, 9)),
        nk.spaces.small(),
    ],
    ids=repr,
)
def test_a_space_comes_back_from_its_description(space):
    back = rebuild_space(described_as_json(space), "config.json")
    assert back.fingerprint == space.fingerprint and back.num_choices == space.num_choices
    last = [len(decision.choices) - 1 for decision in space.decisions]
    assert repr(back.decode(last)) == repr(space.decode(last)) and back.key(last) == space.key(last)


def test_a_choice_that_is_no_plain_value_comes_back_as_its_name():
    space = rebuild_space(described_as_json(own_space(_Layer(3), _Layer(4))), "config.json")
    assert repr(space.decode((1, 0))[0]) == "_Layer(width=4)"
    assert space.encode((NamedChoice("_Layer(width=4)"), 0)) == (1, 0)
    assert len({NamedChoice("a"), NamedChoice("a")}) == 1 and NamedChoice("a") != "a"


def test_a_key_function_of_the_user_s_is_not_kept_and_said_so():
    space = rebuild_space(described_as_json(own_space("a", "b", key=lambda actions: "k")), "config.json")
    assert space.decode((1, 1)) == ("b", 1)
    with pytest.raises(InvalidValueError, match="The key of .* cannot be computed: .* Use the keys of its trials"):
        space.key((1, 1))


def _same_but(**changed):
    return {**described_as_json(own_space("a", "b")), **changed}


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
        {**described_as_json(_LARGE), "decisions": described_as_json(own_space("a"))["decisions"]},
        {**described_as_json(nk.spaces.large(1)), "fingerprint": "0" * 16},
    ],
    ids=lambda described: json.dumps(described)[:60],
)
def test_a_damaged_description_is_refused_by_name(described):
    with pytest.raises(DataError, match="config.json"):
        rebuild_space(described, "config.json")


def test_a_description_without_decisions_is_not_enough():
    with pytest.raises(DataError, match="config.json does not say the decisions of its space 'own'"):
        rebuild_space({"name": "own", "fingerprint": "feed"}, "config.json")
