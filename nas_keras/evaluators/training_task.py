"""The task of a worker that trains one child, and what became of it: an evaluation, or a failure with its cause."""

import concurrent.futures
import dataclasses
import re
from typing import Any

from nas_keras._tensorflow import tf
from nas_keras.children.network import BuildError
from nas_keras.children.training import Split, evaluate_child
from nas_keras.evaluators.screening import RefusedError, ScreenedModel
from nas_keras.evaluators.workers.worker import WorkerDiedError, WorkerOutOfMemoryError, WorkerTimeoutError
from nas_keras.trial import Evaluation


def evaluate_task(
    splits: dict[str, Split], *, make_model: ScreenedModel, seed: int, settings: dict[str, Any]
) -> tuple[Evaluation, bool]:
    """The task of a worker: trains one child. Returns its evaluation and whether it ran out of memory."""
    try:
        evaluation = evaluate_child(
            make_model, splits["train"], splits["valid"], test=splits.get("test"), seed=seed, **settings
        )
        return dataclasses.replace(evaluation, latency_ms=make_model.latency_ms), False
    except RefusedError as refused:
        return refused.args[0], False
    except BuildError as error:
        return Evaluation.failure(str(error)), False
    except (tf.errors.OpError, MemoryError) as error:
        failure = Evaluation.failure(f"{type(error).__name__}: {_cause(error)}".removesuffix(": "))
        return failure, isinstance(error, tf.errors.ResourceExhaustedError | MemoryError)
    finally:
        tf.keras.backend.clear_session()


def outcome(future: concurrent.futures.Future) -> tuple[Evaluation, bool]:
    """Returns the evaluation of a finished task and whether it ran out of memory."""
    try:
        return future.result()
    except (WorkerDiedError, WorkerTimeoutError) as error:
        return Evaluation.failure(str(error)), isinstance(error, WorkerOutOfMemoryError)


def _cause(error: Exception) -> str:
    """Returns the line of TensorFlow's message that names the cause; in a graph the place of the node comes first."""
    paragraphs = [paragraph.strip() for paragraph in str(error).split("\n\n")]
    places = ("Graph execution error", "Detected at node", "File ")
    told = next((paragraph for paragraph in paragraphs if not paragraph.startswith(places)), "")
    return re.sub(r"\{\{.*?\}\} *", "", told.partition("\n")[0])[:200]
