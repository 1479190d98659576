"""Tests of nas_keras/children/network.py without a model; evaluators/network_check_test.py builds models."""

import threading

import pytest

import nas_keras as nk
from nas_keras.children.network import CellNetwork, OwnNetwork, make_network
from nas_keras.errors import InvalidValueError


def _build(architecture, input_shape, num_classes):
    return architecture, input_shape, num_classes


def test_without_a_function_children_are_built_around_cells():
    assert make_network(None, None) == CellNetwork(nk.ChildConfig())
    child = nk.ChildConfig(filters=4)
    assert make_network(child, None).child is child


def test_a_function_makes_the_whole_network():
    network = make_network(None, _build)
    assert isinstance(network, OwnNetwork) and network.name == "_build" and set(network.code) == {"_build"}
    assert network.load()(1, 2, 3) == (1, 2, 3)
    assert make_network(None, _build, "7").code == {"given version": "7"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((nk.ChildConfig(), _build), "^child=.* with build= is not allowed: child is the network around a cell"),
        ((None, None, "1"), "^version='1' is for build=. Leave it out, or pass build=.$"),
        ((3, None), "^child=3 is not allowed: it must be an nk.ChildConfig"),
        ((None, 3), r"^build=3 is not allowed: it must be a function build\(architecture, input_shape, num_classes\)"),
    ],
)
def test_what_cannot_be_a_network_is_refused(arguments, says):
    with pytest.raises(InvalidValueError, match=says):
        make_network(*arguments)


def test_a_function_that_cannot_be_sent_to_a_worker_is_refused():
    lock = threading.Lock()

    def build(architecture, input_shape, num_classes):
        with lock:
            return None

    with pytest.raises(InvalidValueError, match="cannot be sent to a worker process: TypeError: cannot pickle"):
        make_network(None, build)
