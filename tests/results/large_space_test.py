"""The large space of 1 to 8 nodes: one controller samples any of them, and a child is built for each sample."""

import math
import random

import numpy as np
import pytest

from nas_keras import spaces
from nas_keras.children.build import ChildConfig, build_child
from nas_keras.controller.controller import Controller

CONFIG = ChildConfig(filters=2, stages=1, stem_stride=1)


@pytest.mark.parametrize("num_nodes", range(1, 9))
def test_sizes_decisions_and_keys(num_nodes):
    space, rng = spaces.large(num_nodes), random.Random(num_nodes)
    assert space.size == 8**num_nodes * math.factorial(num_nodes) * 2
    assert len(space.decisions) == 2 * num_nodes
    for _ in range(20):
        actions = tuple(rng.randrange(n) for n in space.num_choices)
        cell = space.decode(actions)
        assert len(cell.nodes) == num_nodes and space.key(actions) == cell.key
        assert space.key(space.encode(cell)) == cell.key
        assert str(cell) == cell.key and len(str(cell).splitlines()) == 1  # one line that can be read


@pytest.mark.parametrize("num_nodes", [1, 4, 8])
def test_a_controller_draws_cells_that_are_built(num_nodes):
    space = spaces.large(num_nodes)
    controller = Controller(space.num_choices, units=8, embedding=4, seed=0)
    actions, log_probs = controller.sample(np.int32(40), np.array([0, num_nodes], np.int32))
    assert log_probs.shape == actions.shape == (40, 2 * num_nodes)
    cells = {space.key(row): space.decode(row) for row in actions.numpy()}
    # The cell with the most loose ends, and the one that is deepest.
    wide = max(cells.values(), key=lambda cell: cell.num_loose_ends)
    deep = max(cells.values(), key=lambda cell: cell.key.count("["))
    if num_nodes > 1:
        assert wide.num_loose_ends > 1 and "[" in deep.key
    for cell in (wide, deep):
        child = build_child(cell, CONFIG, input_shape=(6, 6, 1), num_classes=3)
        assert child.output_shape == (None, 3)
        assert np.isfinite(child(np.ones([2, 6, 6, 1], np.float32))).all()
