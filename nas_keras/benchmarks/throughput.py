"""Children per hour of our evaluator beside the plain way, in turns, and the share of the machine's rate they reach."""

import contextlib
import os
import time
from typing import Any

import numpy as np

from nas_keras.benchmarks import plain
from nas_keras.benchmarks.flops import training_flops
from nas_keras.children.build import ChildConfig, build_child
from nas_keras.children.training import TrainConfig
from nas_keras.data.images import Images
from nas_keras.evaluators.training import TrainingEvaluator, share
from nas_keras.evaluators.workers.pool import WorkerPool
from nas_keras.spaces import human_cells as cells
from nas_keras.spaces.cell import Cell
from nas_keras.trial import Job

CELLS = {  # dear and cheap ones, in the order in which they are trained
    "conv_5x5, conv_5x5": Cell.chain("conv_5x5", "conv_5x5"),
    "sep_conv_3x3, conv_7x7": Cell.chain("sep_conv_3x3", "conv_7x7"),
    "inception": cells.inception(),
    "conv_5x5, conv_1x3_3x1": Cell.chain("conv_5x5", "conv_1x3_3x1"),
    "resnet": cells.resnet(),
    "conv_3x3, conv_3x3": Cell.chain("conv_3x3", "conv_3x3"),
    "max_pool_2x2, conv_3x3": Cell.chain("max_pool_2x2", "conv_3x3"),
    "identity, conv_3x3": Cell.chain("identity", "conv_3x3"),
}
_MATRIX = 2048  # side of the matrices whose product is the yardstick


def measure_throughput(images: Images, *, rounds: int = 1, workers: int | None = None) -> dict[str, Any]:
    """Trains the cells by both ways, one epoch each: half of them plainly, all by ours, the other half plainly.

    Starting the processes is not counted; `startup.py` measures it.

    Args:
        images: the data set.
        rounds: how often, each with seeds of its own.
        workers: of our evaluator.

    Returns:
        For "plain" and "ours" `seconds`, `children_per_hour`, `images_per_second`, `valid_accuracies` (of each child);
        and `ratio` of the children per hour, `accuracy_gap` (ours minus plain, mean of pairs) with its
        `accuracy_gap_error` (one standard error), `gflops`, `matrix_product_gflops` and `share_of_matrix_product`.
    """
    child, config = ChildConfig(), TrainConfig()
    seconds, accuracies = {"plain": 0.0, "ours": 0.0}, {"plain": [], "ours": []}
    shared = share(images, test=False)
    with _without("TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS"):
        pool = WorkerPool(
            lambda fd=shared.fd, layout=shared.layout: plain.prepare(fd, layout),
            environments=[plain.ENVIRONMENT],
            pass_fds=[shared.fd],
        )
        pool.start()
    try:
        with TrainingEvaluator(images, child=child, train=config, workers=workers) as evaluator:
            evaluator.start()
            names = list(CELLS)
            for seed in range(rounds):
                found: dict[str, dict[str, float]] = {"plain": {}, "ours": {}}
                for way, some in (("plain", names[::2]), ("ours", names), ("plain", names[1::2])):
                    start = time.monotonic()
                    if way == "plain":
                        for name in some:
                            task = pool.submit(plain.train, cell=CELLS[name], seed=seed, child=child, config=config)
                            found[way][name] = task.result()["valid_accuracy"]
                    else:
                        jobs = [Job(name, (), CELLS[name], seed) for name in some]
                        found[way] |= {job.key: evaluation.reward for job, evaluation in evaluator.evaluate(jobs)}
                    seconds[way] += time.monotonic() - start
                for way in found:
                    accuracies[way] += [found[way][name] for name in names]
    finally:
        pool.close()
        shared.close()
    num_children = rounds * len(CELLS)
    results: dict[str, Any] = {
        way: {
            "seconds": seconds[way],
            "children_per_hour": 3600 * num_children / seconds[way],
            "images_per_second": num_children * len(images.train_labels) / seconds[way],
            "valid_accuracies": accuracies[way],
        }
        for way in ("plain", "ours")
    }
    gaps = np.subtract(accuracies["ours"], accuracies["plain"])
    flops = rounds * len(images.train_labels) * sum(_flops(cell, images, child) for cell in CELLS.values())
    product = matrix_product_gflops()
    return {
        **results,
        "cells": list(CELLS),
        "ratio": seconds["plain"] / seconds["ours"],
        "accuracy_gap": float(gaps.mean()),
        "accuracy_gap_error": float(gaps.std(ddof=1) / np.sqrt(len(gaps))),
        "gflops": flops / seconds["ours"] / 1e9,
        "matrix_product_gflops": product,
        "share_of_matrix_product": flops / seconds["ours"] / 1e9 / product,
    }


def matrix_product_gflops(repeats: int = 5) -> float:
    """The machine's rate in a float32 matrix product on all cores, the best of `repeats`: 1e9 operations a second."""
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
    """Takes variables out of the environment for a while, so that a process gets TensorFlow's own defaults."""
    before = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(before)
