"""Preprocessing inside an exported graph: images of any size, and encoded files, become what a child was trained on.

The rules are those of `data/decoding.py`, in operations of TensorFlow, so that a graph holds no Python:

- An image of another size is resized by `decoding.resize` itself; the aspect ratio is not kept.
- A PNG or JPEG file becomes grey or RGB as Pillow would make it; transparent pixels are blended with white, and 16-bit
  values v become round(v / 257). The orientation in EXIF data is not applied, since TensorFlow cannot read it.

`N` images of height `H`, width `W` and `C` channels.
"""

from typing import Any

from nas_keras._tensorflow import tf
from nas_keras.data.decoding import resize

DECODABLE = (1, 3, 4)  # numbers of channels that a PNG or JPEG file can give


def check_images(images: Any, shape: tuple[int, int, int]) -> Any:
    """Returns `images` if they are [N, any height, any width, C]; else an assertion of the graph fails.

    An assertion does not keep what follows from running first, and other operations fail with messages of their own, or
    end the process. So they get an image of the right shape in place of a wrong one.

    Args:
        images: what the signature was given, uint8. Its rank must be unknown: a loaded signature compares no shapes,
            and a graph trusts those of its signature, so that the check of a known rank would be optimized away.
        shape: (H, W, C).

    Returns:
        uint8 [N, any height, any width, C].
    """
    given = tf.shape(images)
    # Of a shorter shape this takes what there is; the rank is checked beside it.
    has_channels = tf.reduce_all(tf.equal(given[3:4], shape[2]))
    is_right = has_channels & tf.equal(tf.rank(images), 4) & (tf.size(images) > 0)
    message = (
        f"The images must be uint8 [N, height, width, {shape[2]}] with N of at least 1, and a single image needs a "
        "batch axis too. Their shape is"
    )
    tf.debugging.Assert(is_right, [message, given], summarize=10)
    checked = tf.cond(is_right, lambda: tf.identity(images), lambda: tf.zeros((1, *shape), tf.uint8))
    return tf.ensure_shape(checked, (None, None, None, shape[2]))


def fit_images(images: Any, shape: tuple[int, int, int]) -> Any:
    """Resizes images, uint8 [N, any height, any width, C], to uint8 [N, H, W, C], unless they have that size already.

    Args:
        images: the images, checked by `check_images`.
        shape: (H, W, C).
    """
    has_size = tf.reduce_all(tf.equal(tf.shape(images)[1:3], shape[:2]))

    def resized() -> Any:
        with tf.device("CPU:0"):  # the same result on every machine
            return resize(images, shape[:2])

    return tf.ensure_shape(tf.cond(has_size, lambda: tf.identity(images), resized), (None, *shape))


def decode_files(encoded: Any, shape: tuple[int, int, int]) -> Any:
    """Decodes and resizes files; an assertion of the graph fails if one of them is neither a PNG nor a JPEG image.

    Args:
        encoded: the contents of files, strings [N], or a single one; their rank must be unknown, as above.
        shape: (H, W, C); C is one of `DECODABLE`.

    Returns:
        uint8 [N, H, W, C].
    """
    given = tf.shape(encoded)
    is_right = (tf.rank(encoded) < 2) & (tf.size(encoded) > 0)
    message = "The files must be one string, or strings [N] with N of at least 1. Their shape is"
    tf.debugging.Assert(is_right, [message, given], summarize=10)
    files = tf.reshape(encoded, [-1])
    is_image = tf.io.is_jpeg(files) | _is_png(files)
    others = tf.strings.substr(tf.boolean_mask(files, ~is_image), 0, 8)
    message = "Every file must be a PNG or JPEG image. The others begin with"
    tf.debugging.Assert(tf.reduce_all(is_image), [message, others])

    def decode(file: Any) -> Any:
        return fit_images(_decode(file, shape[2])[None], shape)[0]

    return tf.map_fn(decode, files, fn_output_signature=tf.TensorSpec(shape, tf.uint8))


def _is_png(files: Any) -> Any:
    return tf.equal(tf.strings.substr(files, 0, 8), b"\x89PNG\r\n\x1a\n")


def _decode(file: Any, num_channels: int) -> Any:
    """Decodes one file, a string, to uint8 [height, width, C]; what is no image becomes a black pixel."""
    return tf.case(
        [
            (tf.io.is_jpeg(file), lambda: _from_jpeg(file, num_channels)),
            (_is_png(file), lambda: _from_png(file, num_channels)),
        ],
        default=lambda: tf.zeros((1, 1, num_channels), tf.uint8),
    )


def _from_jpeg(file: Any, num_channels: int) -> Any:
    colours = tf.io.decode_jpeg(file, channels=3, dct_method="INTEGER_ACCURATE")  # as Pillow does
    if num_channels == 4:
        return tf.concat([colours, tf.fill(tf.shape(colours[..., :1]), tf.constant(255, tf.uint8))], axis=-1)
    return _to_channels(tf.cast(colours, tf.int32), num_channels)


def _from_png(file: Any, num_channels: int) -> Any:
    depth = tf.cast(tf.io.decode_raw(tf.strings.substr(file, 24, 1), tf.uint8, fixed_length=1), tf.int32)[0]
    values = tf.cond(
        tf.equal(depth, 16),
        lambda: (tf.cast(tf.io.decode_png(file, channels=4, dtype=tf.uint16), tf.int32) + 128) // 257,
        lambda: tf.cast(tf.io.decode_png(file, channels=4), tf.int32),
    )
    colours, alpha = values[..., :3], values[..., 3:]
    # TensorFlow says that an image of 1, 2 or 4 bits without transparency has the opacity 2^bits - 1.
    opaque = 2**depth - 1
    is_small = (depth < 8) & (tf.reduce_max(alpha) <= opaque)
    alpha *= tf.where(is_small, 255 // opaque, 1)
    if num_channels == 4:
        return tf.cast(tf.concat([colours, alpha], axis=-1), tf.uint8)
    # Pillow's integer arithmetic of blending with white; divided by 255, and rounded.
    blended = (colours * alpha + 255 * (255 - alpha) + 128) * 128
    blended = (blended // 256 + blended) // 2**15
    return _to_channels(blended, num_channels)


def _to_channels(colours: Any, num_channels: int) -> Any:
    """Converts RGB, int32 [height, width, 3], to uint8 [height, width, C], to grey by Pillow's integer arithmetic."""
    if num_channels == 1:
        red, green, blue = (colours[..., i : i + 1] for i in range(3))
        colours = (red * 19595 + green * 38470 + blue * 7471 + 32768) // 2**16  # ITU-R 601
    return tf.cast(colours, tf.uint8)
