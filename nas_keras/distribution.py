"""Where a model lives: the `tf.distribute` strategy in whose scope controller and children are built and fitted."""

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
