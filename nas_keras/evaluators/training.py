"""Trains children in worker processes; the reward of a child is its accuracy on the validation split."""

import concurrent.futures
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from absl import logging

from nas_keras._tensorflow import NONE, tf
from nas_keras.children.augmentation import check_shift
from nas_keras.children.build import ChildConfig
from nas_keras.children.caveats import few_steps, guessing, near_median
from nas_keras.children.named_recipes import settings_of
from nas_keras.children.network import CellNetwork, Network, make_network
from nas_keras.children.train_config import TrainConfig
from nas_keras.data.images import Images
from nas_keras.errors import InvalidValueError, check_child_timeout, check_flag, check_type
from nas_keras.evaluators.base import Evaluator
from nas_keras.evaluators.limits import Limits
from nas_keras.evaluators.network_check import check_network
from nas_keras.evaluators.operation_check import check_operations
from nas_keras.evaluators.screening import CellScreening, ScreenedModel
from nas_keras.evaluators.training_jobs import TrainingJobs
from nas_keras.evaluators.training_pool import THREADS, TrainingPool
from nas_keras.evaluators.training_task import evaluate_task
from nas_keras.evaluators.workers.devices import ONEDNN, processor, restore_kernels, worker_environments
from nas_keras.spaces import operations
from nas_keras.spaces.cell import Cell
from nas_keras.spaces.families import operations_of
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.storage.recipe import fingerprint, with_code, without_code
from nas_keras.trial import Evaluation, Job, Trial


class TrainingEvaluator(Evaluator):
    """Trains the child of each job's architecture from scratch, with the job's seed.

    Args:
        images: the data set; its test split is read only with `measure_test`.
        child: the network around a cell; None: `ChildConfig()`, unless `build` is given.
        build: function `build(architecture, input_shape, num_classes)` for a space of anything but cells. It returns a
            model of tf_keras that takes images [B, H, W, C] with values from 0 to 255, which it rescales itself, and
            gives logits [B, num_classes]. It is called in the workers. Its code is part of the recipe. An architecture
            for which it raises an exception is a failed child.
        version: replaces the code of `build` in the recipe; change it whenever rewards may change.
        train: the settings of the training.
        workers: number of processes; None: one for each GPU or else each CPU core, or one if `distribute` is
            "mirrored". On a CPU a worker has one thread, so that rewards do not depend on the number of workers.
        distribute: "none" trains each child on one device, "mirrored" on all GPUs.
        child_timeout: seconds after which a training is stopped and the child counts as failed; None for no limit.
        measure_test: whether to measure the accuracy on the test split too, for a table; no search reads it.
        limits: the largest child; a larger one is refused instead of trained.
        measure_latency: whether to measure each child's latency (`children/latency.py`). A limit on it implies it.

    Raises:
        InvalidValueError: for a value that is not allowed.
        WriteError: if there is no room for the images that the workers share.
    """

    lag = 1

    def __init__(
        self,
        images: Images,
        *,
        child: ChildConfig | None = None,
        build: Callable[..., Any] | None = None,
        version: str | None = None,
        train: TrainConfig | None = None,
        workers: int | None = None,
        distribute: str = NONE,
        child_timeout: float | None = None,
        measure_test: bool = False,
        limits: Limits | None = None,
        measure_latency: bool = False,
    ):
        self._network = make_network(child, build, version)
        self._train = TrainConfig() if train is None else train
        check_type("images", images, Images, "an nk.Images")
        check_type("train", self._train, TrainConfig, "an nk.TrainConfig")
        check_shift(self._train, images.image_shape)
        check_child_timeout(child_timeout)
        check_flag("measure_test", measure_test)
        self._set_limits(limits, measure_latency, distribute, images)
        self._environments = worker_environments(workers, distribute)
        if isinstance(self._network, CellNetwork):  # reports images that are too small for the stages before any work
            smallest = self._network.make_model(Cell.chain("identity"))
            smallest(input_shape=images.image_shape, num_classes=images.num_classes)
        self._settings: dict[str, Any] = {
            "num_classes": images.num_classes,
            "config": self._train,
            "distribute": distribute,
        }
        if caveat := few_steps(self._train, len(images.train_labels)):
            logging.warning("%s", caveat)
        if images.load_test is None and not measure_test:
            logging.warning("%s has no test split: what is exported will have no test accuracy.", images.name)
        self._code = operations.registered_code()  # the code that the workers have
        self.recipe = make_recipe(images, self._network, self._train, distribute)
        # The second try of a child that runs out of memory.
        self._half = dataclasses.replace(self._train, batch_size=max(1, self._train.batch_size // 2))
        half = make_recipe(images, self._network, self._half, distribute)
        self.variants = [half] if half != self.recipe else []
        self.source = {**images.source, "class_names": list(images.class_names)}
        self.environment = {
            "tensorflow": tf.__version__,
            "onednn": self._environments[0][ONEDNN],
            "threads_per_worker": THREADS,
            "processor": processor(),
            "validation_images": len(images.valid_labels),  # from which the standard error of a reward follows
        }
        if self._measures_latency:
            self.environment["latency"] = f"beside up to {len(self._environments) - 1} other workers"
        self._jobs = TrainingJobs(self._submit)
        self._image_shape, self._valid_labels = images.image_shape, images.valid_labels
        self._pool = TrainingPool(
            images, environments=self._environments, with_test=measure_test, timeout=child_timeout
        )

    def _set_limits(self, limits: Limits | None, measure_latency: bool, distribute: str, images: Images) -> None:
        self.limits = Limits() if limits is None else limits
        check_type("limits", self.limits, Limits, "an nk.Limits, or None")
        check_flag("measure_latency", measure_latency)
        self._measures_latency = measure_latency or self.limits.max_latency_ms is not None
        if self._measures_latency and distribute != NONE:
            raise InvalidValueError(
                f"distribute={distribute!r} is not allowed with a latency, which is that of one device. Use 'none'."
            )
        self.costs = ("num_params", "flops", *(["latency_ms"] if self._measures_latency else []))
        self._screening = None  # the costs of a user's network are those of its model, which a worker builds
        if isinstance(self._network, CellNetwork):
            self._screening = CellScreening.of_children(
                self.limits, self._network.child, images.image_shape, images.num_classes
            )

    def check(self, space: SearchSpace) -> None:
        """Checks the user's operations or network, and adds the code of the operations to the recipe.

        Each of them is built in this process and its gradients are traced.

        Raises:
            InvalidValueError: if the evaluator is closed, the space is not one of cells and there is no `build`, or
                what is to be built cannot be trained in a worker, or was replaced after the workers got it.
        """
        self._pool.check_open()
        names = self._operations_of(space)
        code = {name: code for name, code in self._code.items() if name in names}
        now = operations.registered_code()
        replaced = [name for name in code if code[name] != now.get(name)]
        if replaced:
            raise InvalidValueError(
                f"Operation {replaced[0]!r} was registered again after this TrainingEvaluator was made, and its "
                "workers have the old one. Make another TrainingEvaluator."
            )
        settings: dict[str, Any] = {
            "input_shape": self._image_shape,
            "num_classes": self._settings["num_classes"],
            "precision": self._train.precision,
        }
        if isinstance(self._network, CellNetwork):
            check_operations(names, self._pool.operations, child=self._network.child, **settings)
        else:
            check_network(self._network, space, **settings)
        self.recipe = self._with_code(self.recipe, code)
        self.variants = [self._with_code(variant, code) for variant in self.variants]

    def _operations_of(self, space: SearchSpace) -> list[str]:
        """Returns the operations of a space of cells; with `build`, all of the user's, any of which it may build."""
        if isinstance(self._network, CellNetwork) or isinstance(space.decode([0] * len(space.decisions)), Cell):
            return operations_of(space)
        return list(self._code)

    def _with_code(self, recipe: dict[str, Any], code: dict[str, dict[str, str]]) -> dict[str, Any]:
        return with_code(without_code(recipe), operations=code, build=self._network.code)

    @property
    def num_parallel(self) -> int:
        """The number of workers."""
        return len(self._environments)

    def review(self, trials: Sequence[Trial]) -> str | None:
        """Says whether the best accuracy of a search is within noise of guessing, or of the median of its children."""
        accuracies = {trial.key: trial.evaluation.valid_accuracy for trial in trials if not trial.evaluation.failed}
        if not accuracies:
            return None
        best, labels, num_classes = max(accuracies.values()), self._valid_labels, self._settings["num_classes"]
        caveat = guessing("The best validation accuracy", best, labels, num_classes, len(accuracies))
        return caveat or near_median(list(accuracies.values()), len(labels))

    def resume(self, environment: dict[str, Any]) -> None:
        """See `Evaluator`. The workers, none of which has started, will use the kernels with which the run began."""
        restore_kernels(self._environments, environment)
        self.environment["onednn"] = self._environments[0][ONEDNN]
        changed = [name for name, value in self.environment.items() if environment.get(name, value) != value]
        if changed:
            logging.warning(
                "Rewards may differ in their last digits from the recorded ones: %s.",
                "; ".join(f"{name} was {environment[name]}, is {self.environment[name]}" for name in changed),
            )

    def start(self) -> None:
        """Starts the workers and waits for them; without this call they start with the first jobs."""
        self._pool.start()

    def worker_pids(self) -> list[int]:
        """Returns the process identifiers of the running workers."""
        return self._pool.pids()

    def evaluate(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Evaluation]]:
        """See `Evaluates`. A child that runs out of memory is trained once more, alone and with half the batch size.

        Raises:
            TaskError: if a worker raises an unexpected exception; the message is its traceback.
        """
        self._pool.check_open()
        refusals = [(job, self._screening.refuse(job) if self._screening else None) for job in jobs]
        yield from self._jobs.run(
            [job for job, refusal in refusals if refusal is None],
            known=[(job, refusal) for job, refusal in refusals if refusal is not None],
            retry_recipe=fingerprint(self.variants[0]) if self.variants else None,
        )

    def cancel(self, jobs: Sequence[Job]) -> None:
        """See `Evaluator`. A child that a worker is training already is trained to its end."""
        self._jobs.cancel(jobs)

    def _submit(self, job: Job, is_retry: bool) -> concurrent.futures.Future:
        submit = self._pool.submit_alone if is_retry else self._pool.submit
        train = self._half if is_retry else self._train
        build = self._network.make_model(job.architecture)
        make_model = ScreenedModel(build, self.limits, latency=self._measures_latency)
        return submit(evaluate_task, make_model=make_model, seed=job.seed, settings={**self._settings, "config": train})

    def close(self) -> None:
        """Kills the workers and releases the shared images."""
        self._pool.close()


def make_recipe(images: Images, network: Network | ChildConfig, train: TrainConfig, distribute: str) -> dict[str, Any]:
    """Makes the recipe: all that a reward depends on besides key and seed, except the code of operations."""
    network = CellNetwork(network) if isinstance(network, ChildConfig) else network
    recipe = {
        "data": {"name": images.name, "digest": images.digest, "num_classes": images.num_classes},
        **({"child": settings_of(network.child)} if isinstance(network, CellNetwork) else {}),
        "train": settings_of(train),
        "distribute": distribute,
    }
    return with_code(recipe, build=network.code)
