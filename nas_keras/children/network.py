"""The two kinds of child networks: cells in a network of this package, and whatever a user's function builds.

Either kind makes a model from an architecture, as `train_child` needs it. A user's function is frozen when its network
is made: it is pickled with the values that it has then, and each worker process unpickles it once.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import cloudpickle

from nas_keras._tensorflow import tf
from nas_keras.children.build import INPUT_NAME, ChildConfig, build_child
from nas_keras.children.training import MakeModel
from nas_keras.errors import InvalidValueError, check_type, in_one_line, shown
from nas_keras.spaces.variables import NETWORK_REMEDY, NOT_NEW, VariableWatch, identities, identities_of, is_weight
from nas_keras.system.code.fingerprint import code_parts, values_difference

_SIGNATURE = "build(architecture, input_shape, num_classes)"
_KERAS = "tf.keras, which is tf_keras here (import nas_keras first, or import tf_keras as keras)"


class BuildError(RuntimeError):
    """The user's function raised an exception for one architecture, whose child counts as failed."""


@dataclasses.dataclass(frozen=True)
class CellNetwork:
    """Children that repeat a cell.

    Attributes:
        child: the network around the cell.
    """

    child: ChildConfig
    code: None = None  # it belongs to this package

    def make_model(self, architecture: Any) -> MakeModel:
        """Returns the function that builds the child of a cell."""
        return functools.partial(build_child, architecture, self.child)


@dataclasses.dataclass(frozen=True)
class OwnNetwork:
    """Children that a user's function builds; make it by `freeze`.

    Attributes:
        name: name of the function, for messages.
        pickled: the function, which a worker process unpickles.
        code: its identity, see `code_parts`.
        parts: the identity of its code without a given version.
    """

    name: str
    pickled: bytes
    code: dict[str, str]
    parts: dict[str, str]

    @classmethod
    def freeze(cls, function: Callable[..., Any], *, version: str | None = None) -> "OwnNetwork":
        """Freezes a function `build(architecture, input_shape, num_classes) -> keras.Model`.

        Args:
            function: the function.
            version: replaces the code in the recipe.

        Raises:
            InvalidValueError: if it is not a function, or cannot be sent to a worker process.
        """
        if not callable(function):
            raise InvalidValueError(f"build={shown(function)} is not allowed: it must be a function {_SIGNATURE}.")
        name = getattr(function, "__qualname__", type(function).__qualname__)
        try:
            pickled = cloudpickle.dumps(function)
        except Exception as error:  # an object that cannot be pickled may raise any class
            raise InvalidValueError(
                f"build={name} cannot be sent to a worker process: {type(error).__name__}: {error}. It must be a "
                "function that refers to nothing but modules, functions, numbers and texts; make everything else "
                "inside it."
            ) from error
        return cls(name, pickled, code_parts(function, version=version), code_parts(function))

    def make_model(self, architecture: Any) -> MakeModel:
        """Returns the function that builds the child of an architecture."""
        return functools.partial(build_own, self, architecture)

    def load(self) -> Callable[..., Any]:
        """Returns the function as it was frozen.

        Raises:
            InvalidValueError: if it cannot be loaded in this process, or reads other values here.
        """
        return _load(self.name, self.pickled, tuple(sorted(self.parts.items())))


Network = CellNetwork | OwnNetwork


def make_network(child: ChildConfig | None, build: Callable[..., Any] | None, version: str | None = None) -> Network:
    """Returns the network of cells, or that of the user's function; both at once are refused."""
    if build is None:
        if version is not None:
            raise InvalidValueError(f"version={shown(version)} is for build=. Leave it out, or pass build=.")
        child = ChildConfig() if child is None else child
        check_type("child", child, ChildConfig, "an nk.ChildConfig")
        return CellNetwork(child)
    if child is not None:
        raise InvalidValueError(
            f"child={shown(child)} with build= is not allowed: child is the network around a cell, and build makes the "
            "whole network. Leave one of them out."
        )
    return OwnNetwork.freeze(build, version=version)


def build_own(
    network: OwnNetwork,
    architecture: Any,
    *,
    input_shape: tuple[int, int, int],
    num_classes: int,
    synchronized_norm: bool = False,
    watch: VariableWatch | None = None,
) -> Any:
    """Builds the child of `architecture` by the user's function.

    Args:
        network: the function.
        architecture: what the space decodes to.
        input_shape: (height, width, channels) of an image.
        num_classes: number of classes.
        synchronized_norm: ignored, since the function decides about its layers.
        watch: a new watch for networks; None: a private one.

    Returns:
        An uncompiled `tf.keras.Model` from raw images [B, H, W, C], with values from 0 to 255, to logits float32
        [B, num_classes]. The function's model gets the images as they are and rescales them itself.

    Raises:
        BuildError: if the function raises an exception.
        InvalidValueError: if it returns anything but a model of tf_keras from such images to such logits, or the model
            has variables that it does not own and train.
    """
    del synchronized_norm
    function, subject = network.load(), f"The network of build={network.name}"
    watch = VariableWatch(NETWORK_REMEDY) if watch is None else watch
    height, width, channels = map(int, input_shape)
    with watch.watching(subject), _explained(network.name):
        made = function(architecture, (height, width, channels), int(num_classes))
    _check_model(network.name, made)
    images = tf.keras.Input(input_shape, name=INPUT_NAME)  # [B, H, W, C]
    with watch.watching(subject), _explained(network.name):
        y = made(images)
    _check_output(subject, y, int(num_classes))
    logits = tf.keras.layers.Activation("linear", dtype="float32", name="logits")(y)  # also in mixed precision
    try:
        model = tf.keras.Model(images, logits, name="child")
    except ValueError as error:  # Keras finds no path from the logits back to the images, or one name twice
        raise InvalidValueError(f"{subject} cannot be connected to the images: {in_one_line(error)}.") from error
    _forget_training(model, watch)
    watch.check(model)
    created = identities_of(variable for _, variable in watch.created)
    for variable in filter(is_weight, model.weights):
        if not identities(variable) & created:
            raise watch.refusal(subject, variable, NOT_NEW)
    return model


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turns an exception of the user's code into a BuildError, unless memory has run out."""
    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError):
        raise
    except Exception as error:  # the user's code may raise anything
        raise BuildError(f"build={name} raised {type(error).__name__}: {in_one_line(error)}") from error


def _check_model(name: str, made: Any) -> None:
    if isinstance(made, tf.keras.Model):
        return
    kinds = {kind.__module__.partition(".")[0] for kind in type(made).__mro__}
    if "keras" in kinds:
        raise InvalidValueError(
            f"build={name} returned a {type(made).__name__} of the package `keras` (Keras 3), whose weights would not "
            f"be trained: build the model with {_KERAS}."
        )
    raise InvalidValueError(f"build={name} returned {shown(made)}: it must return a model of {_KERAS}.")


def _check_output(subject: str, y: Any, num_classes: int) -> None:
    if not _is_tensor(y):
        raise InvalidValueError(f"{subject} gives {shown(y)}: it must give one tensor [B, num_classes].")
    if tuple(y.shape) != (None, num_classes) or not y.dtype.is_floating:
        raise InvalidValueError(
            f"{subject} gives {y.dtype.name} of shape {tuple(y.shape)} for images: it must give a logit for each "
            f"of the {num_classes} classes, floats of shape (None, {num_classes}). Let it end in "
            "keras.layers.Dense(num_classes)."
        )


def _is_tensor(y: Any) -> bool:
    try:
        return tf.is_tensor(y) or tf.keras.backend.is_keras_tensor(y)
    except ValueError:  # it is neither a tensor of TensorFlow nor one of Keras
        return False


def _forget_training(model: Any, watch: VariableWatch) -> None:
    """Removes from the watch what a `compile` in the user's function creates: a learning rate, and metrics."""
    owned = identities_of(model.weights)
    watch.created = [(subject, v) for subject, v in watch.created if v.trainable or identities(v) & owned]


@functools.lru_cache(maxsize=8)
def _load(name: str, pickled: bytes, parts: tuple[tuple[str, str], ...]) -> Callable[..., Any]:
    try:
        function = cloudpickle.loads(pickled)
    except Exception as error:  # a module of the user's may raise anything
        raise InvalidValueError(
            f"build={name} cannot be loaded in a worker process: {type(error).__name__}: {in_one_line(error)}. Define "
            "it in a module that other processes can import, or in the script itself."
        ) from error
    changed = values_difference(dict(parts), code_parts(function))
    if changed:
        raise InvalidValueError(
            f"build={name} reads other values in a worker process than where the evaluator was made: {changed}. A "
            "worker imports the module of the function itself, so set the value in the module's file, or give it to "
            "the function by functools.partial."
        )
    return function
