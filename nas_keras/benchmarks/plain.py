"""The plain way to train children, as a reference: one process, TensorFlow's defaults, a `tf.data` pipeline, `fit`.

The code follows the guides of Keras and tf.data, with the same children and the same recipe.
"""

import time

import numpy as np

from nas_keras._tensorflow import tf
from nas_keras.children.build import ChildConfig, build_child
from nas_keras.children.train_config import TrainConfig
from nas_keras.children.training import Split, make_schedule
from nas_keras.evaluators.workers.shared_arrays import attach
from nas_keras.spaces.cell import Cell

ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "2"}  # of the process; everything else has TensorFlow's defaults


def prepare(fd: int, layout: dict) -> dict[str, Split]:
    """The setup of the process: copies the splits into memory and returns them by name."""
    tf.get_logger().setLevel("ERROR")
    arrays = {name: np.array(array) for name, array in attach(fd, layout).items()}
    return {name: Split(arrays[f"{name}_images"], arrays[f"{name}_labels"]) for name in ("train", "valid")}


def train(splits: dict[str, Split], *, cell: Cell, seed: int, child: ChildConfig, config: TrainConfig) -> dict:
    """Trains one child, and returns its `valid_accuracy` and the `seconds` that it took."""
    start = time.monotonic()
    images, labels = splits["train"]
    batches = (
        tf.data.Dataset.from_tensor_slices((images, labels))
        .shuffle(len(labels))
        .batch(config.batch_size)
        .prefetch(tf.data.AUTOTUNE)
    )
    valid_batches = tf.data.Dataset.from_tensor_slices(tuple(splits["valid"])).batch(config.batch_size)
    tf.keras.utils.set_random_seed(seed)
    model = build_child(cell, child, input_shape=images.shape[1:], num_classes=int(labels.max()) + 1)
    num_steps = -(-len(labels) // config.batch_size) * config.epochs
    model.compile(
        optimizer=tf.keras.optimizers.Adam(make_schedule(config, num_steps)),
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(batches, epochs=config.epochs, verbose=0)
    _, accuracy = model.evaluate(valid_batches, verbose=0)
    tf.keras.backend.clear_session()
    return {"valid_accuracy": float(accuracy), "seconds": time.monotonic() - start}
