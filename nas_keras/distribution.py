"""Where a model lives: the `tf.distribute` strategy in whose scope controller and children are built and fitted."""

from collections.abc import Sequence

from nas_keras import _keras
from nas_keras.errors import InvalidValueError, check_choice

NONE, MIRRORED = "none", "mirrored"
DISTRIBUTE = (NONE, MIRRORED)


def make_distribution(name: str = NONE):
    """Returns the `tf.distribute.Strategy` called `name`.

    Args:
        name: "none" is one device, the first GPU or else the CPU; "mirrored" spreads one model over all GPUs, or else
            over the logical CPUs that the process has configured.

    Raises:
        InvalidValueError: for another name, or "mirrored" with fewer than two devices.
    """
    check_choice("distribute", name, DISTRIBUTE)
    tf = _keras.load_tensorflow()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    names = [f"{device.device_type}:{i}" for i, device in enumerate(devices)]
    if name == NONE:
        # TensorFlow's default strategy takes the first GPU or else the CPU. OneDeviceStrategy does too, but puts an
        # iterator of its own around a data set, with autotune on whatever the data set's options say. Taking that down
        # waits for a thread whose sleep doubles: a fit of 23 s returned after 43 s.
        return tf.distribute.get_strategy()
    if len(names) < 2:
        raise InvalidValueError(
            f"distribute='mirrored' spreads one child over several devices, but there is only {names[0]}. "
            "Use distribute='none'."
        )
    return tf.distribute.MirroredStrategy(names)


def apply_gradients(optimizer, gradients: Sequence, variables: Sequence) -> None:
    """Applies one replica's gradients, summed over all replicas. Call it in replica context, inside a `tf.function`.

    With one replica there is nothing to sum. The optimizer would call `all_reduce` all the same, which registers a
    custom gradient for each graph that is traced. TensorFlow's registry of gradients is global and never forgets one,
    and the custom gradient holds the graph: about 5 MiB for each search of a process.

    Args:
        optimizer: a legacy Keras optimizer.
        gradients: dense tensors.
        variables: the variable of each gradient.
    """
    num_replicas = _keras.load_tensorflow().distribute.get_strategy().num_replicas_in_sync
    pairs = zip(gradients, variables, strict=True)
    optimizer.apply_gradients(pairs, experimental_aggregate_gradients=num_replicas > 1)
