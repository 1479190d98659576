"""Tests of nas_keras/children/cell_costs.py."""

import time

import numpy as np

import nas_keras as nk
from nas_keras.children.cell_costs import CellCosts, Cost
from nas_keras.children.flops import count_flops

_CHILD = nk.ChildConfig(filters=4, stages=2, cells_per_stage=1)


def _build(cell):
    return nk.build_child(cell, _CHILD, input_shape=(12, 10, 3), num_classes=5)


def test_the_cost_of_a_cell_is_that_of_its_model():
    space = nk.spaces.large(4)
    rng = np.random.default_rng(0)
    sizes = [len(decision.choices) for decision in space.decisions]
    cells = [nk.cells.vgg(), nk.cells.inception(), nk.cells.resnet()]
    cells += [space.decode(rng.integers(sizes)) for _ in range(4)]
    costs = CellCosts(_build)
    for cell in cells:
        model = _build(cell)
        assert costs.of(cell) == Cost(model.count_params(), count_flops(model)), cell


def test_thousands_of_cells_are_judged_by_a_few_models():
    built = []

    def build(cell):
        built.append(str(cell))
        return _build(cell)

    space, costs = nk.spaces.large(3), CellCosts(build)
    cells = [space.decode(actions) for actions in space.enumerate(distinct=True)]
    start = time.monotonic()
    found = [costs.of(cell) for cell in cells]
    assert len(found) == 2_000
    assert len(built) == len(set(built)) == 8 + 2  # the operations, and two and three loose ends
    assert time.monotonic() - start < 30  # most of it for these ten
