"""Trains one child and measures it: arrays in, `Evaluation` out. It knows nothing of searches, workers or files.

The recipe is short: Adam with a learning rate that warms up and decays to zero, so that one epoch is enough to rank
cells. Everything random comes from the child's training seed.
"""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nas_keras._tensorflow import make_distribution, tf
from nas_keras.children.batches import Split, draw_order, draw_shifts, make_batches
from nas_keras.errors import InvalidValueError, check_at_least, check_choice, check_flag, use_python_numbers
from nas_keras.trial import Evaluation

MakeModel = Callable[..., Any]  # make_model(input_shape=, num_classes=, synchronized_norm=) -> uncompiled Keras model

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
_EVALUATION_BATCH = 500  # images; affects only memory and speed
_MOST_SHIFT = 1_000  # pixels
MOST_EPOCHS = 10_000  # the order of the images is drawn beforehand for all of them
_STEPS_PER_EXECUTION = 50  # training steps per call into the graph; does not affect the result


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """The settings of a child's training.

    Attributes:
        epochs: number of passes over the training split. The learning rate schedule spans all of them.
        batch_size: number of images per step, over all replicas together.
        learning_rate: peak learning rate of Adam. 0.01 is high for a long training and right for a few hundred steps.
        warmup: fraction of the steps in which the rate rises linearly from 0 to the peak; in the others it falls to 0
            along a cosine.
        shift: largest random shift of a training image in each direction, in pixels, drawn anew in each epoch; the
            border is filled with 0. With 0, images are not shifted.
        precision: "float32", or "mixed_float16" or "mixed_bfloat16", in which layers compute in 16 bits while weights
            and logits stay float32. Faster on GPUs (and CPUs with AMX), slower elsewhere.
        jit_compile: whether to compile the training step with XLA. For GPUs; on a CPU the speed can drop to half.
    """

    epochs: int = 1
    batch_size: int = 128
    learning_rate: float = 0.01
    warmup: float = 0.25
    shift: int = 0
    precision: str = dataclasses.field(default="float32", metadata={"later": True})
    jit_compile: bool = dataclasses.field(default=False, metadata={"later": True})

    def __post_init__(self) -> None:
        use_python_numbers(self)
        check_choice("precision", self.precision, PRECISIONS)
        check_at_least("shift", self.shift, 0, at_most=_MOST_SHIFT)
        check_flag("jit_compile", self.jit_compile)
        check_at_least("epochs", self.epochs, 1, at_most=MOST_EPOCHS)
        check_at_least("batch_size", self.batch_size, 1)
        check_at_least("learning_rate", self.learning_rate, 0, integer=False)
        check_at_least("warmup", self.warmup, 0, integer=False)
        if self.warmup >= 1:
            raise InvalidValueError(f"warmup={self.warmup} is a fraction of the steps: give 0 or more and less than 1.")


def train_child(
    make_model: MakeModel,
    train: Split,
    *,
    num_classes: int,
    config: TrainConfig,
    seed: int,
    distribute: str = "none",
) -> Any:
    """Builds a child and fits it, both in the scope of a `tf.distribute` strategy.

    Args:
        make_model: builds the child, from images [B, H, W, C] with values from 0 to 255 to logits [B, num_classes];
            called with `input_shape`, `num_classes` and `synchronized_norm` as `build_child` is.
        train: the training split.
        num_classes: number of classes of the labels.
        config: the settings of the training.
        seed: seed of the initial weights, the order of the images and their shifts.
        distribute: "none" or "mirrored", see `_tensorflow.py`.

    Returns:
        The fitted `tf.keras.Model`, compiled for `measure`.

    Raises:
        FloatingPointError: if the loss stops being a finite number.
    """
    batch_size = min(config.batch_size, len(train.labels))
    steps_per_epoch = len(train.labels) // batch_size
    tf.keras.utils.set_random_seed(seed)
    distribution = make_distribution(distribute)
    with distribution.scope():
        with in_precision(config.precision):
            model = make_model(
                input_shape=train.images.shape[1:],
                num_classes=num_classes,
                synchronized_norm=distribution.num_replicas_in_sync > 1,
            )
        _compile(model, config, num_classes=num_classes, steps_per_epoch=steps_per_epoch)
    order = draw_order(len(train.labels), steps_per_epoch * batch_size, config.epochs, seed)
    shifts = draw_shifts(config.shift, len(order), seed)
    history = model.fit(
        make_batches(train, order, batch_size, drop_remainder=True, shifts=shifts),
        epochs=config.epochs,
        steps_per_epoch=steps_per_epoch,
        callbacks=[tf.keras.callbacks.TerminateOnNaN()],
        verbose=0,
    )
    if not np.isfinite(history.history["loss"]).all():
        raise FloatingPointError("the training loss is not a finite number")
    return model


def measure(model: Any, split: Split) -> tuple[float, float]:
    """Returns the accuracy, a fraction, and the mean loss of a model from `train_child` on a split."""
    batches = make_batches(split, np.arange(len(split.labels)), _EVALUATION_BATCH, drop_remainder=False)
    metrics = model.evaluate(batches, return_dict=True, verbose=0)
    return float(metrics["accuracy"]), float(metrics["loss"])


def evaluate_child(
    make_model: MakeModel,
    train: Split,
    valid: Split,
    *,
    config: TrainConfig,
    test: Split | None = None,
    **settings: Any,
) -> Evaluation:
    """Trains a child; its reward is the accuracy on the validation split.

    Args:
        make_model: builds the child, see `train_child`.
        train: the training split.
        valid: the validation split.
        config: the settings of the training.
        test: the test split, for tables only; its accuracy is recorded too.
        **settings: the other arguments of `train_child`.

    Returns:
        The evaluation; it is a failure if the training diverged.
    """
    start = time.monotonic()
    try:
        model = train_child(make_model, train, config=config, **settings)
        accuracy, loss = measure(model, valid)
        test_accuracy = measure(model, test)[0] if test else float("nan")
    except FloatingPointError as error:
        return Evaluation.failure(str(error), seconds=time.monotonic() - start)
    if not np.isfinite(loss):  # the last step may be the one that diverges
        return Evaluation.failure("the validation loss is not a finite number", seconds=time.monotonic() - start)
    return Evaluation(
        reward=accuracy,
        valid_accuracy=accuracy,
        loss=loss,
        num_params=model.count_params(),
        epochs=config.epochs,
        seconds=time.monotonic() - start,
        test_accuracy=test_accuracy,
    )


@contextlib.contextmanager
def in_precision(precision: str) -> Iterator[None]:
    """Makes the layers that are built in this block compute in `precision`, one of `PRECISIONS`."""
    tf.keras.mixed_precision.set_global_policy(precision)
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")


def make_schedule(config: TrainConfig, num_steps: int) -> Any:
    """Makes the learning rate schedule of `num_steps` steps: linear warmup to the peak, then cosine decay to 0."""
    warmup_steps = round(config.warmup * num_steps)
    return tf.keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup_steps else config.learning_rate,
        decay_steps=num_steps - warmup_steps,
        warmup_target=config.learning_rate if warmup_steps else None,
        warmup_steps=warmup_steps,
    )


def _compile(model: Any, config: TrainConfig, *, num_classes: int, steps_per_epoch: int) -> None:
    model.compile(
        # The legacy optimizer has a fused kernel: the same update, and a third of the time to trace.
        optimizer=tf.keras.optimizers.legacy.Adam(make_schedule(config, steps_per_epoch * config.epochs)),
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=min(_STEPS_PER_EXECUTION, steps_per_epoch),
        jit_compile=config.jit_compile,
    )
    # Creates the variables of optimizer, loss and metrics now: `fit` would trace a function that creates some twice.
    logits, labels = tf.zeros([1, num_classes]), tf.zeros([1], tf.int32)
    model.compiled_loss.build(logits)
    model.compiled_metrics.build(logits, labels)
    model.optimizer._create_all_weights(model.trainable_variables)  # Keras calls it in `fit`; nothing public does
