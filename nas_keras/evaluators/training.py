"""TrainingEvaluator: trains children in worker processes; the reward is the accuracy on the validation split."""

import concurrent.futures
import dataclasses
import functools
import os
import platform
import re
from collections.abc import Iterator, Sequence
from typing import Any

from nas_keras import _keras, operations
from nas_keras.cell import Cell
from nas_keras.child import ChildConfig, build_child
from nas_keras.distribution import MIRRORED, NONE, make_distribution
from nas_keras.errors import InvalidValueError, check_at_least
from nas_keras.evaluators.base import Evaluator
from nas_keras.evaluators.shared_arrays import SharedArrays, attach
from nas_keras.evaluators.workers import WorkerDiedError, WorkerPool, WorkerTimeoutError
from nas_keras.images import Images
from nas_keras.search_space import SearchSpace
from nas_keras.training import Split, TrainConfig, evaluate_cell
from nas_keras.trial import Evaluation, Job

_THREADS = 1  # of a worker; two workers of one thread train more images a second than one of two


class TrainingEvaluator(Evaluator):
    """Trains the child of each job's cell, from nothing, with the job's seed.

    Args:
        images: the data set; its test split is not looked at, unless `measure_test` says so.
        child: the network around a cell.
        train: how it is trained.
        workers: processes; by default one for each GPU or else each CPU core, or one if `distribute` is "mirrored". A
            worker has one thread on a CPU, so a reward does not depend on their number.
        distribute: "none" or "mirrored": one child on one device, or spread over all GPUs.
        child_timeout: seconds after which a child is given up as failed; None for no limit.
        measure_test: also measure the accuracy on the test split, for a table's column that no search sees.

    Raises:
        InvalidValueError: for a value that cannot be used.
    """

    lag = 1

    def __init__(
        self,
        images: Images,
        *,
        child: ChildConfig | None = None,
        train: TrainConfig | None = None,
        workers: int | None = None,
        distribute: str = NONE,
        child_timeout: float | None = None,
        measure_test: bool = False,
    ):
        self._child, self._train = child or ChildConfig(), train or TrainConfig()
        if child_timeout is not None:
            check_at_least("child_timeout", child_timeout, 1, integer=False)
        environments = worker_environments(workers, distribute)
        # The child that every space has; what is wrong with images or stages is said before any work.
        build_child(Cell.chain("identity"), self._child, input_shape=images.image_shape, num_classes=images.num_classes)
        self._settings = {
            "num_classes": images.num_classes,
            "child": self._child,
            "config": self._train,
            "distribute": distribute,
        }
        self.recipe = make_recipe(images, self._child, self._train, distribute)
        self.source = dict(images.source)
        self.environment = {
            "tensorflow": _keras.load_tensorflow().__version__,
            "onednn": environments[0]["TF_ENABLE_ONEDNN_OPTS"],
            "threads_per_worker": _THREADS,
            "processor": _processor(),
        }
        self._shared = share(images, test=measure_test)
        self._pool = WorkerPool(
            functools.partial(prepare_worker, self._shared.fd, self._shared.layout, operations.registered()),
            environments=environments,
            pass_fds=[self._shared.fd],
            timeout=child_timeout,
        )

    def check(self, space: SearchSpace) -> None:
        """Raises InvalidValueError if the space is none of cells."""
        architecture = space.decode([0] * len(space.decisions))
        if not isinstance(architecture, Cell):
            raise InvalidValueError(
                f"{space!r} decodes to {type(architecture).__name__}, but only cells can be trained. Use "
                "spaces.small(), "
                "spaces.large(), or a FunctionEvaluator of your own."
            )

    def evaluate(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Evaluation]]:
        """See `Evaluates`.

        Raises:
            TaskError: if a child fails in a way that no child should, with the worker's traceback.
        """
        futures = {
            self._pool.submit(_evaluate, cell=job.architecture, seed=job.seed, settings=self._settings): job
            for job in jobs
        }
        for future in concurrent.futures.as_completed(futures):
            try:
                evaluation = future.result()
            except (WorkerDiedError, WorkerTimeoutError) as error:
                evaluation = Evaluation.failure(str(error))
            yield futures[future], evaluation

    def close(self) -> None:
        """Kills the workers and drops the shared images."""
        self._pool.close()
        self._shared.close()


def share(images: Images, *, test: bool) -> SharedArrays:
    """Puts the splits where workers can map them; the test split only if asked."""
    arrays = {
        "train_images": images.train_images,
        "train_labels": images.train_labels,
        "valid_images": images.valid_images,
        "valid_labels": images.valid_labels,
    }
    if test:
        arrays["test_images"], arrays["test_labels"] = images.test()
    return SharedArrays(arrays)


def make_recipe(images: Images, child: ChildConfig, train: TrainConfig, distribute: str) -> dict[str, Any]:
    """All that the reward of a trained child depends on besides its key and seed."""
    return {
        "data": {"name": images.name, "digest": images.digest, "num_classes": images.num_classes},
        "child": dataclasses.asdict(child),
        "train": dataclasses.asdict(train),
        "distribute": distribute,
    }


def worker_environments(workers: int | None, distribute: str) -> list[dict[str, str]]:
    """The environment variables of each worker: which GPU it sees, and TensorFlow's faster kernels.

    Raises:
        InvalidValueError: for an impossible number of workers, or "mirrored" without several devices.
    """
    if workers is not None:
        check_at_least("workers", workers, 1)
    common = {
        # Children train about twice as fast; on some processors TensorFlow leaves oneDNN off. The user's setting wins.
        "TF_ENABLE_ONEDNN_OPTS": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1"),
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
    }
    make_distribution(distribute)
    if distribute == MIRRORED:
        if workers not in (None, 1):
            raise InvalidValueError(
                f"workers={workers} with distribute='mirrored': one child takes all devices; use 1."
            )
        return [common]
    gpus = _keras.load_tensorflow().config.list_physical_devices("GPU")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(str(i) for i in range(len(gpus)))
    names = visible.split(",")[: len(gpus)]
    count = workers or len(gpus) or len(os.sched_getaffinity(0))
    return [{**common, **({"CUDA_VISIBLE_DEVICES": names[i % len(names)]} if gpus else {})} for i in range(count)]


def _processor() -> str:
    """What kind of processor this is, with the vector instructions that decide how oneDNN sums."""
    try:
        with open("/proc/cpuinfo") as file:
            about = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines() if ":" in line)
    except OSError:  # no Linux
        return platform.processor() or platform.machine()
    about = {name.strip(): value.strip() for name, value in about.items()}
    flags = about.get("flags", "").split()
    vectors = [name for name in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile") if name in flags]
    return " ".join([about.get("model name", platform.machine()), *vectors])


def prepare_worker(fd: int, layout: dict, builders: dict) -> dict[str, Split]:
    """A worker's setup: one thread, the splits by name, the user's operations."""
    tf = _keras.load_tensorflow()
    tf.config.threading.set_intra_op_parallelism_threads(_THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(_THREADS)
    tf.get_logger().setLevel("ERROR")  # its advice on retracing is about programs of one model
    operations.adopt(builders)
    arrays = attach(fd, layout)
    names = {name.rsplit("_", 1)[0] for name in arrays}
    return {name: Split(arrays[f"{name}_images"], arrays[f"{name}_labels"]) for name in names}


def _evaluate(splits: dict[str, Split], *, cell: Cell, seed: int, settings: dict[str, Any]) -> Evaluation:
    """A worker's task: one child. Forgets the model afterwards."""
    tf = _keras.load_tensorflow()
    try:
        return evaluate_cell(cell, splits["train"], splits["valid"], test=splits.get("test"), seed=seed, **settings)
    except (tf.errors.OpError, MemoryError) as error:
        return Evaluation.failure(f"{type(error).__name__}: {_what_happened(error)}".removesuffix(": "))
    finally:
        tf.keras.backend.clear_session()


def _what_happened(error: Exception) -> str:
    """The one line that says it; in a graph, TensorFlow writes where the node was made before that."""
    paragraphs = [paragraph.strip() for paragraph in str(error).split("\n\n")]
    places = ("Graph execution error", "Detected at node", "File ")
    told = next((paragraph for paragraph in paragraphs if not paragraph.startswith(places)), "")
    return re.sub(r"\{\{.*?\}\} *", "", told.partition("\n")[0])[:200]
