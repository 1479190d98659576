"""Trains one child and measures it: arrays in, `Evaluation` out. Knows no search, no workers and no files.

The recipe is short: Adam with a learning rate that warms up and decays to zero, so that one epoch is enough to rank
cells. Everything random comes from the child's training seed.
"""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from nas_keras._tensorflow import make_distribution, tf
from nas_keras.children.build import ChildConfig, build_child
from nas_keras.errors import InvalidValueError, check_at_least, check_choice, check_flag, use_python_numbers
from nas_keras.spaces.cell import Cell
from nas_keras.trial import Evaluation

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
_SHUFFLE, _SHIFT = 1, 5  # purposes of generators, part of their seeds: [seed, purpose, ...]
_EVALUATION_BATCH = 500  # images; only memory and speed depend on it
_MOST_SHIFT = 1_000  # pixels
MOST_EPOCHS = 10_000  # the order of the images is drawn beforehand for all of them
_STEPS_PER_EXECUTION = 50  # training steps in one call into the graph; the result does not depend on it


class Split(NamedTuple):
    """Images uint8 [N, H, W, C] and labels int32 [N]."""

    images: np.ndarray
    labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How a child is trained.

    Attributes:
        epochs: passes over the training split. The learning rate's schedule spans all of them.
        batch_size: images a step, over all replicas together.
        learning_rate: peak, of Adam. 0.01 is high for a long training and right for a few hundred steps.
        warmup: fraction of the steps in which the rate rises from 0 to the peak; it falls to 0 in the rest (cosine).
        shift: each training image is moved by up to so many pixels in each direction, anew in each epoch; what comes in
            at the border is 0. 0 trains on the images as they are.
        precision: "float32", or "mixed_float16" or "mixed_bfloat16": layers compute in 16 bits, weights and logits stay
            float32. For GPUs (and CPUs with AMX); elsewhere slower.
        jit_compile: compile the training step with XLA. For GPUs; on a CPU up to half as fast.
    """

    epochs: int = 1
    batch_size: int = 128
    learning_rate: float = 0.01
    warmup: float = 0.25
    shift: int = 0
    precision: str = dataclasses.field(default="float32", metadata={"later": True})
    jit_compile: bool = dataclasses.field(default=False, metadata={"later": True})

    def __post_init__(self):
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
    cell: Cell,
    train: Split,
    *,
    num_classes: int,
    child: ChildConfig,
    config: TrainConfig,
    seed: int,
    distribute: str = "none",
):
    """Builds the child of `cell` and fits it, both in the scope of a `tf.distribute` strategy.

    Args:
        cell: the cell.
        train: the training split.
        num_classes: of the labels.
        child: the network around the cell.
        config: the recipe.
        seed: of initial weights and order of images.
        distribute: "none" or "mirrored", see `_tensorflow.py`.

    Returns:
        The fitted `tf.keras.Model`, compiled for `measure`.

    Raises:
        FloatingPointError: if the loss stops being a finite number.
    """
    batch_size = min(config.batch_size, len(train.labels))
    steps_per_epoch = len(train.labels) // batch_size
    num_steps = steps_per_epoch * config.epochs
    tf.keras.utils.set_random_seed(seed)
    distribution = make_distribution(distribute)
    with distribution.scope():
        with in_precision(config.precision):
            model = build_child(
                cell,
                child,
                input_shape=train.images.shape[1:],
                num_classes=num_classes,
                synchronized_norm=distribution.num_replicas_in_sync > 1,
            )
        model.compile(
            # The one with a fused kernel: the same update, and a third of the time to trace.
            optimizer=tf.keras.optimizers.legacy.Adam(make_schedule(config, num_steps)),
            loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            steps_per_execution=min(_STEPS_PER_EXECUTION, steps_per_epoch),
            jit_compile=config.jit_compile,
        )
        _create_variables(model, num_classes)
    orders = [np.random.default_rng([seed, _SHUFFLE, e]).permutation(len(train.labels)) for e in range(config.epochs)]
    order = np.concatenate([order[: steps_per_epoch * batch_size] for order in orders])
    history = model.fit(
        _batches(train, order, batch_size, drop_remainder=True, shifts=_draw_shifts(config.shift, len(order), seed)),
        epochs=config.epochs,
        steps_per_epoch=steps_per_epoch,
        callbacks=[tf.keras.callbacks.TerminateOnNaN()],
        verbose=0,
    )
    if not np.isfinite(history.history["loss"]).all():
        raise FloatingPointError("the training loss is not a finite number")
    return model


def measure(model, split: Split) -> tuple[float, float]:
    """(accuracy as a fraction, mean loss) of a model from `train_child` on a split."""
    batches = _batches(split, np.arange(len(split.labels)), _EVALUATION_BATCH, drop_remainder=False)
    metrics = model.evaluate(batches, return_dict=True, verbose=0)
    return float(metrics["accuracy"]), float(metrics["loss"])


def evaluate_cell(
    cell: Cell, train: Split, valid: Split, *, config: TrainConfig, test: Split | None = None, **settings
) -> Evaluation:
    """Trains the child of `cell` on `train` and rewards its accuracy on `valid`; `settings` as of `train_child`.

    With `test`, which is for tables only, the accuracy on that is noted too.
    """
    start = time.monotonic()
    try:
        model = train_child(cell, train, config=config, **settings)
        accuracy, loss = measure(model, valid)
        test_accuracy = measure(model, test)[0] if test else float("nan")
    except FloatingPointError as error:
        return Evaluation.failure(str(error), seconds=time.monotonic() - start)
    if not np.isfinite(loss):  # the last step can be the one that goes wrong
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
    """Layers that are made in this block compute in `precision`, one of `PRECISIONS`."""
    tf.keras.mixed_precision.set_global_policy(precision)
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")


def make_schedule(config: TrainConfig, num_steps: int):
    """The learning rate of each of `num_steps` steps: up to the peak in a line, down to 0 along a cosine."""
    warmup_steps = round(config.warmup * num_steps)
    return tf.keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup_steps else config.learning_rate,
        decay_steps=num_steps - warmup_steps,
        warmup_target=config.learning_rate if warmup_steps else None,
        warmup_steps=warmup_steps,
    )


def _create_variables(model, num_classes: int) -> None:
    """Those of optimizer, loss and metrics, before `fit` does: a function that makes variables is traced twice."""
    logits, labels = tf.zeros([1, num_classes]), tf.zeros([1], tf.int32)
    model.compiled_loss.build(logits)
    model.compiled_metrics.build(logits, labels)
    model.optimizer._create_all_weights(model.trainable_variables)  # what Keras calls itself; there is no public way


def _draw_shifts(largest: int, count: int, seed: int) -> np.ndarray | None:
    """How far each image is moved down and right: int32 [count, 2] from -largest to largest; None for 0."""
    if not largest:
        return None
    return np.random.default_rng([seed, _SHIFT]).integers(-largest, largest + 1, size=(count, 2), dtype=np.int32)


def _batches(
    split: Split, order: np.ndarray, batch_size: int, *, drop_remainder: bool, shifts: np.ndarray | None = None
):
    """Batches in the given order, cut out of the arrays inside the graph."""
    images, labels = tf.constant(split.images), tf.constant(split.labels)
    drawn = (order,) if shifts is None else (order, shifts)
    if drop_remainder:  # cut into batches beforehand: one element a step
        whole = len(order) // batch_size * batch_size
        drawn = [array[:whole].reshape(-1, batch_size, *array.shape[1:]) for array in drawn]
        batches = tf.data.Dataset.from_tensor_slices(tuple(drawn))
    else:
        batches = tf.data.Dataset.from_tensor_slices(drawn).batch(batch_size)
    if shifts is None:
        batches = batches.map(lambda index: (tf.gather(images, index), tf.gather(labels, index)))
    else:
        batches = batches.map(lambda index, shift: (_shift(tf.gather(images, index), shift), tf.gather(labels, index)))
    options = tf.data.Options()
    # Taking down an iterator waits for the autotune thread, whose sleep doubles: a fit of 6 s returned after 10 s.
    options.autotune.enabled = False
    options.deterministic = True
    return batches.prefetch(2).with_options(options)


def _shift(images, shifts):
    """Moves each of uint8 [B, H, W, C] down and right by int32 [B, 2] pixels, zeros coming in."""
    for axis in (1, 2):
        size = images.shape[axis]
        source = tf.range(size)[None, :] - shifts[:, axis - 1, None]  # [B, size]
        inside = (source >= 0) & (source < size)
        moved = tf.gather(images, tf.clip_by_value(source, 0, size - 1), axis=axis, batch_dims=1)
        inside = tf.reshape(inside, [-1, size, 1, 1] if axis == 1 else [-1, 1, size, 1])
        images = tf.where(inside, moved, tf.zeros_like(moved))
    return images
