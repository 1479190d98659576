"""Measures the resident memory of the main process and of its workers over a search with many small children."""

import contextlib
import dataclasses
from typing import Any

import numpy as np

from nas_keras import spaces
from nas_keras.benchmarks.resident import resident_bytes
from nas_keras.children.build import ChildConfig
from nas_keras.children.train_config import TrainConfig
from nas_keras.data.images import Images
from nas_keras.evaluators.training import TrainingEvaluator
from nas_keras.runner.search import search

_MIB = 2**20
_WARM = 20  # children after which the main process has imported and traced everything


def measure_memory(images: Images, *, children: int = 200, workers: int | None = None) -> dict[str, Any]:
    """Searches the large space of 3 nodes with PPO, each child trained on 512 images.

    Args:
        images: the data set.
        children: number of children.
        workers: number of workers of the evaluator; None: its default.

    Returns:
        In MiB: `main_start`, `main_end` and `main_growth_per_child` (slope of a line after the first 20 children);
        `worker_first` (of each worker process after its first children, in the order in which they came),
        `worker_growth_per_child` (mean over worker processes), and the number of `worker_processes`.
    """
    few = dataclasses.replace(
        images,
        train_images=images.train_images[:512],
        train_labels=images.train_labels[:512],
        valid_images=images.valid_images[:512],
        valid_labels=images.valid_labels[:512],
    )
    main: list[tuple[int, float]] = []  # (children, MiB)
    by_worker: dict[int, list[tuple[int, float]]] = {}
    with TrainingEvaluator(few, child=ChildConfig(filters=4), train=TrainConfig(batch_size=64), workers=workers) as ev:

        def watch(dataset, batch):
            del batch
            main.append((dataset.num_evaluations, resident_bytes() / _MIB))
            for pid in ev.worker_pids():
                with contextlib.suppress(ProcessLookupError):  # it has just been replaced
                    by_worker.setdefault(pid, []).append((dataset.num_evaluations, resident_bytes(pid) / _MIB))

        search(spaces.large(3), ev, max_evaluations=children, batch_size=4, on_batch=watch)
        num_workers = len(ev.worker_pids())
    warm = [point for point in main if point[0] >= min(_WARM, children // 2)]
    lived = [points for points in by_worker.values() if len(points) > 1]
    return {
        "children": children,
        "main_start": warm[0][1],
        "main_end": main[-1][1],
        "main_growth_per_child": _slope(warm),
        "worker_processes": len(by_worker),
        "worker_first": [points[0][1] for points in by_worker.values()],
        # Each worker trains only a part of the children.
        "worker_growth_per_child": float(np.mean([_slope(points) for points in lived]) * num_workers),
    }


def _slope(points: list[tuple[int, float]]) -> float:
    x, y = np.transpose(points)
    return float(np.polyfit(x, y, 1)[0]) if len(points) > 1 else float("nan")
