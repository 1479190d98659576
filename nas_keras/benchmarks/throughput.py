"""Measures the children per hour of our evaluator and of the plain way, in turns, against the machine's own rate."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nas_keras.benchmarks import plain
from nas_keras.children.build import ChildConfig, build_child
from nas_keras.children.flops import training_flops
from nas_keras.children.train_config import TrainConfig
from nas_keras.data.images import Images
from nas_keras.evaluators.training import TrainingEvaluator
from nas_keras.evaluators.training_pool import TrainingPool
from nas_keras.spaces import human_cells as cells
from nas_keras.spaces.cell import Cell
from nas_keras.trial import Job

CELLS = {  # expensive and cheap ones, in the order in which they are trained
    "conv_5x5, conv_5x5": Cell.chain("conv_5x5", "conv_5x5"),
    "sep_conv_3x3, conv_7x7": Cell.chain("sep_conv_3x3", "conv_7x7"),
    "inception": cells.inception(),
    "conv_5x5, conv_1x3_3x1": Cell.chain("conv_5x5", "conv_1x3_3x1"),
    "resnet": cells.resnet(),
    "conv_3x3, conv_3x3": Cell.chain("conv_3x3", "conv_3x3"),
    "max_pool_2x2, conv_3x3": Cell.chain("max_pool_2x2", "conv_3x3"),
    "identity, conv_3x3": Cell.chain("identity", "conv_3x3"),
}
_MATRIX = 2_048  # side of the matrices whose product is the yardstick
_WAYS = ("plain", "ours")
_Train = Callable[[Sequence[str], int], dict[str, float]]  # (names of cells, seed) -> validation accuracies


def measure_throughput(images: Images, *, rounds: int = 1, workers: int | None = None) -> dict[str, Any]:
    """Trains the cells both ways, one epoch each: half of them the plain way, all with ours, the other half plainly.

    The time to start the processes is not counted; `startup.py` measures it.

    Args:
        images: the data set.
        rounds: number of repetitions, each with its own seeds.
        workers: number of workers of our evaluator; None: its default.

    Returns:
        For "plain" and "ours" `seconds`, `children_per_hour`, `images_per_second` and `valid_accuracies` (of each
        child); and `ratio` of the children per hour, `accuracy_gap` (ours minus plain, mean over pairs) with its
        `accuracy_gap_error` (one standard error), `gflops`, `matrix_product_gflops` and `share_of_matrix_product`.
    """
    child, config = ChildConfig(), TrainConfig()
    with (
        _plain_pool(images) as pool,
        TrainingEvaluator(images, child=child, train=config, workers=workers) as evaluator,
    ):
        evaluator.start()

        def train_plainly(names: Sequence[str], seed: int) -> dict[str, float]:
            settings = {"seed": seed, "child": child, "config": config}
            return {
                name: pool.submit(plain.train, cell=CELLS[name], **settings).result()["valid_accuracy"]
                for name in names
            }

        def train_ours(names: Sequence[str], seed: int) -> dict[str, float]:
            jobs = [Job(name, (), CELLS[name], seed) for name in names]
            return {job.key: evaluation.reward for job, evaluation in evaluator.evaluate(jobs)}

        seconds, accuracies = _train_in_turns(train_plainly, train_ours, rounds)
    flops = rounds * len(images.train_labels) * sum(_flops(cell, images, child) for cell in CELLS.values())
    gflops, product = flops / seconds["ours"] / 1e9, matrix_product_gflops()
    return {
        **{way: _rates(seconds[way], accuracies[way], images) for way in _WAYS},
        "cells": list(CELLS),
        "ratio": seconds["plain"] / seconds["ours"],
        **_accuracy_gap(accuracies),
        "gflops": gflops,
        "matrix_product_gflops": product,
        "share_of_matrix_product": gflops / product,
    }


@contextlib.contextmanager
def _plain_pool(images: Images) -> Iterator[TrainingPool]:
    """Starts a pool of one process with TensorFlow's own defaults, and yields it."""
    with _without("TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS"):
        pool = TrainingPool(images, environments=[plain.ENVIRONMENT], setup=plain.prepare)
        pool.start()
    with pool:
        yield pool


def _train_in_turns(
    train_plainly: _Train, train_ours: _Train, rounds: int
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Returns the seconds that each way took in total, and the validation accuracy of each child."""
    names = list(CELLS)
    seconds = dict.fromkeys(_WAYS, 0.0)
    accuracies: dict[str, list[float]] = {way: [] for way in _WAYS}
    for seed in range(rounds):
        found: dict[str, dict[str, float]] = {way: {} for way in _WAYS}
        for way, train, turn in (
            ("plain", train_plainly, names[::2]),
            ("ours", train_ours, names),
            ("plain", train_plainly, names[1::2]),
        ):
            start = time.monotonic()
            found[way] |= train(turn, seed)
            seconds[way] += time.monotonic() - start
        for way in _WAYS:
            accuracies[way] += [found[way][name] for name in names]
    return seconds, accuracies


def _rates(seconds: float, accuracies: list[float], images: Images) -> dict[str, Any]:
    return {
        "seconds": seconds,
        "children_per_hour": 3600 * len(accuracies) / seconds,
        "images_per_second": len(accuracies) * len(images.train_labels) / seconds,
        "valid_accuracies": accuracies,
    }


def _accuracy_gap(accuracies: dict[str, list[float]]) -> dict[str, float]:
    gaps = np.subtract(accuracies["ours"], accuracies["plain"])
    return {
        "accuracy_gap": float(gaps.mean()),
        "accuracy_gap_error": float(gaps.std(ddof=1) / np.sqrt(len(gaps))),
    }


def matrix_product_gflops(repeats: int = 5) -> float:
    """The best rate of `repeats` float32 matrix products on all cores, in 1e9 operations per second."""
    rng = np.random.default_rng(0)
    a, b = rng.random((2, _MATRIX, _MATRIX), dtype=np.float32)
    rates = []
    for _ in range(repeats):
        start = time.perf_counter()
        a @ b
        rates.append(2 * _MATRIX**3 / (time.perf_counter() - start) / 1e9)
    return max(rates)


def _flops(cell: Cell, images: Images, child: ChildConfig) -> int:
    return training_flops(build_child(cell, child, input_shape=images.image_shape, num_classes=images.num_classes))


@contextlib.contextmanager
def _without(*names: str):
    """Removes variables from the environment for the block, so that a process gets TensorFlow's own defaults."""
    before = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(before)
