"""The worker processes that train children: they share the images of one data set and know the user's operations."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nas_keras._tensorflow import tf
from nas_keras.children.training import Split
from nas_keras.data.images import Images
from nas_keras.evaluators.operation_check import picklable
from nas_keras.evaluators.workers.pool import WorkerPool
from nas_keras.evaluators.workers.shared_arrays import SharedArrays, attach
from nas_keras.spaces import operations

THREADS = 1  # per worker; two workers with one thread each train more images per second than one worker with two


class TrainingPool(WorkerPool):
    """A `WorkerPool` whose tasks are called with the splits of one data set, a dictionary from name to `Split`.

    Args:
        images: the data set.
        environments: environment variables of each worker, see `WorkerPool`.
        with_test: whether the workers also get the test split.
        timeout: seconds for one task; None for no limit.
        setup: called in each new worker with the file descriptor and the layout of the shared arrays; returns the
            splits. By default a worker uses one thread, maps the arrays and adopts the registered operations.

    Attributes:
        shared: the arrays of the splits.
        operations: names of the registered operations that the workers know; the others cannot be pickled.

    Raises:
        WriteError: if there is no room for the images.
        InvalidValueError: if the system allows fewer workers.
    """

    def __init__(
        self,
        images: Images,
        *,
        environments: Sequence[Mapping[str, str]],
        with_test: bool = False,
        timeout: float | None = None,
        setup: Callable[[int, dict[str, Any]], dict[str, Split]] | None = None,
    ):
        builders = picklable(operations.registered())
        if setup is None:
            setup = functools.partial(_prepare_worker, builders=builders, code=operations.registered_code())
        self.operations = frozenset(builders)
        self.shared = _share(images, with_test=with_test)
        try:
            super().__init__(
                functools.partial(setup, self.shared.fd, self.shared.layout),
                environments=environments,
                pass_fds=self.shared.fds,
                timeout=timeout,
            )
        except BaseException:
            self.shared.close()
            raise

    def close(self) -> None:
        """Kills the workers and releases the shared images."""
        super().close()
        self.shared.close()


def _share(images: Images, *, with_test: bool) -> SharedArrays:
    """Copies the splits to where the workers can map them."""
    arrays = {
        "train_images": images.train_images,
        "train_labels": images.train_labels,
        "valid_images": images.valid_images,
        "valid_labels": images.valid_labels,
    }
    if with_test:
        arrays["test_images"], arrays["test_labels"] = images.test()
    return SharedArrays(arrays)


def _prepare_worker(
    fd: int, layout: dict[str, Any], *, builders: dict[str, operations.Builder], code: dict[str, dict[str, str]]
) -> dict[str, Split]:
    """The setup of a worker: limits TensorFlow to one thread, adopts the user's operations and maps the splits."""
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
    tf.get_logger().setLevel("ERROR")  # its advice on retracing is meant for programs with a single model
    operations.adopt(builders, code)
    arrays = attach(fd, layout)
    names = {name.rsplit("_", 1)[0] for name in arrays}
    return {name: Split(arrays[f"{name}_images"], arrays[f"{name}_labels"]) for name in names}
