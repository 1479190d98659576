"""Trains one child and measures it: arrays in, `Evaluation` out. It knows nothing of searches, workers or files.

The recipe is short: Adam with a learning rate that warms up and decays to zero, so that one epoch is enough to rank
cells. Everything random comes from the child's training seed.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nas_keras._tensorflow import make_distribution, tf
from nas_keras.children.augmentation import draw
from nas_keras.children.batches import Split, draw_order, make_batches
from nas_keras.children.flops import count_flops
from nas_keras.children.train_config import TrainConfig
from nas_keras.children.training_state import TrainingState, restore_state
from nas_keras.trial import Evaluation

MakeModel = Callable[..., Any]  # make_model(input_shape=, num_classes=, synchronized_norm=) -> uncompiled Keras model

_EVALUATION_BATCH = 500  # images; affects only memory and speed,
_EVALUATION_PIXELS = 2**21  # as do the pixels in a batch, which make it smaller for images of more than 64 x 64
_PLAIN_LOSS = "cross_entropy"  # name of the metric
_STEPS_PER_EXECUTION = 50  # training steps per call into the graph; does not affect the result


def train_child(
    make_model: MakeModel,
    train: Split,
    *,
    num_classes: int,
    config: TrainConfig,
    seed: int,
    distribute: str = "none",
    state: TrainingState | None = None,
    on_epoch: Callable[[int, Any], None] | None = None,
) -> Any:
    """Builds a child and fits it, both in the scope of a `tf.distribute` strategy.

    Args:
        make_model: builds the child, from images [B, H, W, C] with values from 0 to 255 to logits [B, num_classes];
            called with `input_shape`, `num_classes` and `synchronized_norm` as `build_child` is.
        train: the training split.
        num_classes: number of classes of the labels.
        config: the settings of the training.
        seed: seed of the initial weights, the order of the images, their augmentation and the dropout.
        distribute: "none" or "mirrored", see `_tensorflow.py`.
        state: where an earlier training with the same arguments was interrupted; None: it begins.
        on_epoch: called after each epoch with the number of epochs that are done, and the model.

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
        if state is not None:
            restore_state(model, state)
    done = 0 if state is None else state.epochs
    history = model.fit(
        _make_epochs(train, batch_size, config, seed, done),
        epochs=config.epochs,
        initial_epoch=done,
        steps_per_epoch=steps_per_epoch,
        class_weight=_class_weights(config, train.labels, num_classes),
        callbacks=_callbacks(model, on_epoch),
        verbose=0,
    )
    if not np.isfinite(history.history["loss"]).all():
        raise FloatingPointError("the training loss is not a finite number")
    return model


def _make_epochs(train: Split, batch_size: int, config: TrainConfig, seed: int, done: int) -> Any:
    """Makes the batches of the epochs after the first `done` ones."""
    num_used = len(train.labels) // batch_size * batch_size
    order = draw_order(len(train.labels), num_used, config.epochs, seed)
    drawn = draw(config, len(order), seed)
    left = slice(done * num_used, None)
    drawn = {name: array[left] for name, array in drawn.items()}
    return make_batches(train, order[left], batch_size, drop_remainder=True, drawn=drawn)


def evaluation_batch(height: int, width: int) -> int:
    """Returns the number of images of a size, in pixels, that are evaluated at once."""
    return max(1, min(_EVALUATION_BATCH, _EVALUATION_PIXELS // (height * width)))


def measure(model: Any, split: Split) -> tuple[float, float]:
    """Returns the accuracy, a fraction, and the mean loss of a model from `train_child` on a split."""
    height, width = split.images.shape[1:3]
    batch_size = evaluation_batch(height, width)
    batches = make_batches(split, np.arange(len(split.labels)), batch_size, drop_remainder=False)
    metrics = model.evaluate(batches, return_dict=True, verbose=0)
    return float(metrics["accuracy"]), float(metrics.get(_PLAIN_LOSS, metrics["loss"]))


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
        flops=count_flops(model),
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


def _callbacks(model: Any, on_epoch: Callable[[int, Any], None] | None) -> list[Any]:
    callbacks = [tf.keras.callbacks.TerminateOnNaN()]
    if on_epoch is not None:
        callbacks.append(tf.keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: on_epoch(epoch + 1, model)))
    return callbacks


def _compile(model: Any, config: TrainConfig, *, num_classes: int, steps_per_epoch: int) -> None:
    cross_entropy = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    metrics: list[Any] = ["accuracy"]
    if config.label_smoothing:  # the training loss is not the measured one
        metrics.append(tf.keras.metrics.SparseCategoricalCrossentropy(name=_PLAIN_LOSS, from_logits=True))
    model.compile(
        optimizer=_make_optimizer(model, config, num_steps=steps_per_epoch * config.epochs),
        loss=_smoothed_loss(num_classes, config.label_smoothing) if config.label_smoothing else cross_entropy,
        metrics=metrics,
        steps_per_execution=min(_STEPS_PER_EXECUTION, steps_per_epoch),
        jit_compile=config.jit_compile,
    )
    # Creates the variables of optimizer, loss and metrics now: `fit` would trace a function that creates some twice.
    logits, labels = tf.zeros([1, num_classes]), tf.zeros([1], tf.int32)
    model.compiled_loss.build(logits)
    model.compiled_metrics.build(logits, labels)
    if _has_fused_optimizer(config):
        model.optimizer._create_all_weights(model.trainable_variables)  # Keras calls it in `fit`; nothing public does
    else:
        model.optimizer.build(model.trainable_variables)


def _has_fused_optimizer(config: TrainConfig) -> bool:
    """Whether Keras' legacy Adam trains; its fused kernel gives the same update in a third of the time to trace."""
    return not config.weight_decay and not config.ema


def _make_optimizer(model: Any, config: TrainConfig, *, num_steps: int) -> Any:
    """Makes Adam, or AdamW if the weights decay; the kernels decay, but neither biases nor batch norm.

    At the end of `fit`, Keras puts the moving average of the weights in their place, if there is one.
    """
    schedule = make_schedule(config, num_steps)
    if _has_fused_optimizer(config):
        return tf.keras.optimizers.legacy.Adam(schedule)
    optimizer = tf.keras.optimizers.Adam(
        schedule,
        weight_decay=config.weight_decay or None,
        use_ema=bool(config.ema),
        ema_momentum=config.ema,
        jit_compile=config.jit_compile,
    )
    if config.weight_decay:
        optimizer.exclude_from_weight_decay([weight for weight in model.trainable_variables if weight.shape.rank < 2])
    return optimizer


def _smoothed_loss(num_classes: int, smoothing: float) -> Any:
    """Makes the loss of smoothed labels; Keras smooths only those that are one-hot."""

    def loss(labels: Any, logits: Any) -> Any:
        labels = tf.one_hot(tf.cast(tf.reshape(labels, [-1]), tf.int32), num_classes)
        return tf.keras.losses.categorical_crossentropy(labels, logits, from_logits=True, label_smoothing=smoothing)

    return loss


def _class_weights(config: TrainConfig, labels: np.ndarray, num_classes: int) -> dict[int, float] | None:
    """Returns the weight of each class in the training loss, whose mean over the images is 1; None: all alike.

    With n_c of N images in class c and K classes that have images, the weight is N / (K n_c).
    """
    if config.class_weights == "none":
        return None
    counts = np.bincount(labels, minlength=num_classes)
    weights = len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return {label: float(weight) for label, weight in enumerate(weights)}
