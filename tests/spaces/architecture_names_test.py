"""Tests of nas_keras/spaces/architecture_names.py."""

import nas_keras as nk
from nas_keras.spaces.architecture_names import kind_of, name_architecture, name_key


def test_a_cell_is_written_as_a_cell_and_anything_else_by_its_decisions():
    small = nk.spaces.small()
    assert name_architecture(small, (1, 0)) == str(small.decode((1, 0))) == "conv_3x3[conv_1x3_3x1]"
    assert kind_of(small) == "cells"
    space = nk.SearchSpace("net", [nk.Decision("blocks", (1, 2)), nk.Decision("pool", ("max", None))])
    assert name_architecture(space, [1, 0]) == "blocks=2, pool=max"
    assert kind_of(space) == "networks"
    decoded = nk.SearchSpace("net", space.decisions, decode=lambda actions: {"anything": 1})
    assert name_architecture(decoded, [0, 1]) == "blocks=1, pool=None"


def test_keys_that_are_encodings_are_shown_by_the_choices():
    small = nk.spaces.small()
    assert name_key(small, small.key((7, 1)), (7, 1)) == "identity,conv_3x3"
    assert name_key(small, small.key((1, 7)), (1, 7)) == "conv_3x3,identity"  # another child of the same network
    large = nk.spaces.large(2)
    assert name_key(large, large.key((1, 1, 2, 0)), (1, 1, 2, 0)) == "conv_3x3[sep_conv_3x3]"
    space = nk.SearchSpace("net", [nk.Decision("blocks", (1, 2)), nk.Decision("pool", ("max", None))])
    assert name_key(space, "1,1", (1, 1)) == "blocks=2, pool=None"
    own = nk.SearchSpace("net", space.decisions, key=lambda actions: "mine")
    assert name_key(own, "mine", (1, 1)) == "mine"
