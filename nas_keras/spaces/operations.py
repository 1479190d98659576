"""Operations of a cell: a table of names and builders, and the registry of a user's own operations.

A builder `build(keras, x, filters)` maps a Keras tensor [B, H, W, F] to [B, H, W, F]. It takes the Keras module as an
argument, so that the same code builds for `tf_keras` and for stock Keras 3. To add an operation, add a line to
`_BUILDERS`, or call `register`.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from nas_keras.errors import InvalidValueError, NasKerasError, check_choice, check_flag, in_one_line, shown
from nas_keras.spaces.cell_text import check_operation_name
from nas_keras.system.code.fingerprint import code_parts, parts_difference, values_difference

Builder = Callable[..., Any]


class BatchNorm:
    """Makes the batch normalisation layers of one child. Operations receive it as `norm`.

    Args:
        momentum: momentum of the moving averages. The default is 0.9, not Keras' 0.99, since the averages must converge
            within the few hundred steps of a child.
        synchronized: whether to normalise over all replicas of a `tf.distribute` strategy.
    """

    def __init__(self, *, momentum: float = 0.9, synchronized: bool = False):
        self._settings = {"momentum": momentum, "synchronized": synchronized}

    def __call__(self, keras: Any, x: Any) -> Any:
        """Normalises a tensor [B, H, W, C]."""
        return keras.layers.BatchNormalization(**self._settings)(x)


def conv_norm_relu(
    keras: Any, x: Any, filters: int, kernel_size: int | tuple[int, int], *, norm: BatchNorm, strides: int = 1
) -> Any:
    """Applies a convolution, batch norm and ReLU: [B, H, W, C] -> [B, H', W', filters]. Batch norm adds the bias."""
    x = keras.layers.Conv2D(filters, kernel_size, strides=strides, padding="same", use_bias=False)(x)
    return keras.layers.ReLU()(norm(keras, x))


def _conv(keras: Any, x: Any, filters: int, *, norm: BatchNorm, kernel_sizes: Sequence[int | tuple[int, int]]) -> Any:
    for kernel_size in kernel_sizes:
        x = conv_norm_relu(keras, x, filters, kernel_size, norm=norm)
    return x


def _separable_conv(keras: Any, x: Any, filters: int, *, norm: BatchNorm, kernel_size: int) -> Any:
    x = keras.layers.SeparableConv2D(filters, kernel_size, padding="same", use_bias=False)(x)
    return keras.layers.ReLU()(norm(keras, x))


def _pool(keras: Any, x: Any, filters: int, *, norm: BatchNorm, layer: str) -> Any:
    del filters, norm  # pooling has no weights
    return getattr(keras.layers, layer)(pool_size=2, strides=1, padding="same")(x)


def _identity(keras: Any, x: Any, filters: int, *, norm: BatchNorm) -> Any:
    del keras, filters, norm
    return x


_BUILDERS: dict[str, Builder] = {
    "conv_1x3_3x1": functools.partial(_conv, kernel_sizes=((1, 3), (3, 1))),
    "conv_3x3": functools.partial(_conv, kernel_sizes=(3,)),
    "sep_conv_3x3": functools.partial(_separable_conv, kernel_size=3),
    "conv_5x5": functools.partial(_conv, kernel_sizes=(5,)),
    "conv_7x7": functools.partial(_conv, kernel_sizes=(7,)),
    "max_pool_2x2": functools.partial(_pool, layer="MaxPooling2D"),
    "avg_pool_2x2": functools.partial(_pool, layer="AveragePooling2D"),
    "identity": _identity,
}

OPERATIONS = tuple(_BUILDERS)  # the choices 0 to 7, in this order


_CODE: dict[str, dict[str, str]] = {}  # name -> code identity of each user's operation


def register(name: str, build: Builder, *, version: str | None = None, replace: bool = False) -> None:
    """Registers a user's operation.

    The operation does not join a built-in space by itself: pass `operations=nk.OPERATIONS + (name,)` to `spaces.large`.
    The code of `build` is part of the recipe of every run whose space has the operation, so that a run never continues
    with different code (`system/code/fingerprint.py` defines what counts as code).

    Args:
        name: name in keys and spaces. A name may be registered again with the same code.
        build: function `build(keras, x, filters)` that maps [B, H, W, F] to [B, H, W, F].
        version: replaces the code in the recipe; change it whenever rewards may change.
        replace: whether to replace an operation of this name that has different code.

    Raises:
        InvalidValueError: if the name is that of a built-in operation, is registered with different code, or cannot be
            part of a key, or if `build` is not a function.
    """
    check_operation_name(name)
    check_flag("replace", replace)
    if not callable(build):
        raise InvalidValueError(
            f"build={shown(build)} is not allowed: it must be a function build(keras, x, filters) that gives a tensor."
        )
    if name in OPERATIONS:
        raise InvalidValueError(f"Operation {name!r} exists already: it is built in. Choose another name.")
    code = code_parts(build, version=version)
    if name in _BUILDERS and code != _CODE.get(name) and not replace:
        raise InvalidValueError(
            f"Operation {name!r} exists already, with other code: {parts_difference(_CODE.get(name, {}), code)}. Pass "
            "replace=True to put this one in its place, or choose another name."
        )
    _BUILDERS[name], _CODE[name] = functools.partial(_users_operation, build=build), code


def _users_operation(keras: Any, x: Any, filters: int, *, norm: BatchNorm, build: Builder) -> Any:
    del norm
    return build(keras, x, filters)


def registered_code() -> dict[str, dict[str, str]]:
    """Returns the code identity of each user's operation, see `code_parts`."""
    return {name: _CODE[name] for name in registered() if name in _CODE}


def registered() -> dict[str, Builder]:
    """Returns the builders of the user's operations, to be sent to worker processes."""
    return {name: build for name, build in _BUILDERS.items() if name not in OPERATIONS}


def adopt(builders: dict[str, Builder], code: dict[str, dict[str, str]]) -> None:
    """Adds the builders that `registered` returned in another process.

    A builder that belongs to a module travels by its name, and this process imports the module itself. A value that was
    set in the module afterwards is therefore missing here, and would silently train other children.

    Args:
        builders: name -> builder.
        code: name -> code identity in the other process, see `registered_code`.

    Raises:
        InvalidValueError: if a value that a builder reads differs from that in the other process.
    """
    for name, builder in builders.items():
        users = builder.keywords["build"] if isinstance(builder, functools.partial) else builder
        changed = values_difference(code.get(name, {}), code_parts(users))
        if changed:
            raise InvalidValueError(
                f"Operation {name!r} reads other values in a worker process than where it was registered: {changed}. A "
                "worker imports the module of an operation itself, so set the value in the module's file, or give it "
                "to the builder by functools.partial."
            )
    _BUILDERS.update(builders)


def build(name: str, keras: Any, x: Any, filters: int, *, norm: BatchNorm) -> Any:
    """Builds operation `name` on `x` [B, H, W, filters].

    Raises:
        InvalidValueError: if the operation does not exist, or its builder fails, returns something other than a tensor,
            or changes the shape.
    """
    check_choice("operation", name, _BUILDERS)
    try:
        y = _BUILDERS[name](keras, x, filters, norm=norm)
    except (NasKerasError, MemoryError):
        raise
    except Exception as error:
        if hasattr(error, "error_code"):  # TensorFlow's own, such as too little memory; not the builder's fault
            raise
        raise InvalidValueError(
            f"Operation {name!r} cannot be built: {type(error).__name__}: {in_one_line(error)}. Its builder is called "
            "as build(keras, x, filters) and must return a tensor made from x by layers of that Keras module."
        ) from error
    if not isinstance(y, type(x)):
        raise InvalidValueError(
            f"Operation {name!r} returned {shown(y)}: it must return a tensor of the same shape, made by layers of the "
            "Keras module that the builder gets as its first argument."
        )
    if tuple(y.shape) != tuple(x.shape):
        raise InvalidValueError(
            f"Operation {name!r} turned shape {tuple(x.shape)} into {tuple(y.shape)}: it must keep the shape."
        )
    return y
