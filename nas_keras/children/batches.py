"""Feeds a split to Keras: the order of its images in each epoch, and the batches, augmented if so drawn.

Images that fit easily are copied into TensorFlow, whose graph gathers a batch from them. Larger ones stay where they
are, usually in a file that all workers map, and each batch is read from there, so that the memory of a worker does not
grow with the data set. Both ways give the same batches.

`N` images of height `H`, width `W` and `C` channels; batches of `B`.
"""

from typing import Any, NamedTuple

import numpy as np

from nas_keras._tensorflow import tf
from nas_keras.children.augmentation import augment
from nas_keras.system.mapped_files import release_pages

_SHUFFLE = 1  # purpose of a random generator, a part of its seed: [seed, purpose, epoch]
_MOST_COPIED = 2**28  # bytes of images that are copied into TensorFlow; affects only memory and speed


class Split(NamedTuple):
    """One split of a data set: images uint8 [N, H, W, C] and labels int32 [N]."""

    images: np.ndarray
    labels: np.ndarray


def draw_order(num_images: int, num_used: int, epochs: int, seed: int) -> np.ndarray:
    """Draws the order of the images, int32 [epochs * num_used]: in each epoch, `num_used` of a new permutation."""
    order = np.empty([epochs, num_used], np.int32)  # 4 bytes an image: a long training has millions
    for epoch in range(epochs):
        order[epoch] = np.random.default_rng([seed, _SHUFFLE, epoch]).permutation(num_images)[:num_used]
    return order.reshape(-1)


def make_batches(
    split: Split,
    order: np.ndarray,
    batch_size: int,
    *,
    drop_remainder: bool,
    drawn: dict[str, np.ndarray] | None = None,
) -> Any:
    """Makes a `tf.data.Dataset` of batches (images [B, H, W, C], labels [B]) in the given order.

    Args:
        split: the images and labels.
        order: rows of the split, integers [K].
        batch_size: the number B of images in a batch.
        drop_remainder: whether to leave out a last batch with fewer images.
        drawn: the augmentation of the K images of `order`, see `augmentation.draw`; None: none.
    """
    gather, labels = _gather(split), tf.constant(split.labels)
    arrays = {"index": order, **(drawn or {})}
    if drop_remainder:  # batched beforehand, so that a step takes a single element
        whole = len(order) // batch_size * batch_size
        arrays = {name: array[:whole].reshape(-1, batch_size, *array.shape[1:]) for name, array in arrays.items()}
        batches = tf.data.Dataset.from_tensor_slices(arrays)
    else:
        batches = tf.data.Dataset.from_tensor_slices(arrays).batch(batch_size)

    def read(taken: dict[str, Any]) -> tuple[Any, Any]:
        return augment(gather(taken["index"]), taken), tf.gather(labels, taken["index"])

    batches = batches.map(read)
    options = tf.data.Options()
    # Destroying an iterator waits for the autotune thread, whose sleep doubles: a fit of 6 s returned after 10 s.
    options.autotune.enabled = False
    options.deterministic = True
    return batches.prefetch(2).with_options(options)


def _gather(split: Split) -> Any:
    """Returns a function of the graph from row numbers, integers [B], to the images of these rows."""
    if split.images.nbytes <= _MOST_COPIED:
        images = tf.constant(split.images)
        return lambda index: tf.gather(images, index)

    def read(index: Any) -> Any:
        rows = tf.numpy_function(lambda index: _read_rows(split.images, index), [index], tf.uint8, stateful=False)
        return tf.ensure_shape(rows, [index.shape[0], *split.images.shape[1:]])

    return read


def _read_rows(images: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Reads rows of an array; the pages of a mapped file that this brings in do not stay in the process."""
    rows = np.asarray(images)[index]
    release_pages(images)
    return rows
