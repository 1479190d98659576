"""Tests of nas_keras/spaces/cell_names.py."""

import random

import pytest

import nas_keras as nk
from nas_keras.spaces.cell_names import find_cells

LARGE = nk.spaces.large(3)
RESNET = "add(conv_3x3[conv_3x3],identity)"


def test_keys_with_commas_are_put_together_again():
    text = f"conv_3x3,{RESNET},concat(conv_3x3,conv_5x5,max_pool_2x2)"
    found = find_cells(LARGE, text.split(","))
    assert list(found) == ["conv_3x3", RESNET, "concat(conv_3x3,conv_5x5,max_pool_2x2)"]
    assert found[RESNET] == LARGE.encode(nk.cells.resnet())


def test_every_key_of_three_nodes_is_found_in_one_list():
    encodings = {LARGE.key(actions): actions for actions in LARGE.enumerate(distinct=True)}
    keys = list(encodings)
    random.Random(0).shuffle(keys)
    found = find_cells(LARGE, ",".join(keys).split(","))
    assert list(found) == keys and found == encodings


def test_cells_that_people_designed_have_names_and_count_once():
    found = find_cells(LARGE, ["resnet", "vgg", *RESNET.split(",")])
    assert list(found) == [RESNET, "conv_3x3[conv_3x3]"]


def test_keys_of_the_small_space_are_pairs():
    assert find_cells(nk.spaces.small(), ["7", "7", "0", "1", "vgg"]) == {"7,7": (7, 7), "0,1": (0, 1), "1,1": (1, 1)}


def test_names_need_no_look_through_a_space_that_is_too_large():
    assert list(find_cells(nk.spaces.large(8), ["resnet"])) == [RESNET]
    with pytest.raises(
        nk.InvalidValueError, match="--cells: 'conv_3x3' cannot be looked up in .*too many encodings to"
    ):
        find_cells(nk.spaces.large(8), ["conv_3x3"])


def test_what_is_no_cell_of_the_space_is_refused():
    with pytest.raises(
        nk.InvalidValueError, match=r"--cells: 'conv_9x9' is not the beginning of a key of .*names of cells are vgg, i"
    ):
        find_cells(LARGE, ["conv_3x3", "conv_9x9"])
    with pytest.raises(nk.InvalidValueError, match="does not fit the large space of 1 nodes"):
        find_cells(nk.spaces.large(1), ["vgg"])
