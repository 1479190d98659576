"""Checks that an operation uses only variables that its child owns and trains.

A weight that a model does not own is neither trained nor saved: the child seems to work, but the weight keeps its
initial values. The same holds for a weight of a frozen layer.
"""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from nas_keras.errors import InvalidValueError

_REMEDY = (
    "Use layers of the Keras module that the builder gets as its first argument (neither those of `import keras` nor "
    "a tf.Variable), make them inside the builder, and create weights of your own by self.add_weight in a subclass of "
    "keras.layers.Layer."
)
NOT_OWNED = f"which its child does not own, so that it would be neither trained nor saved. {_REMEDY}"
NOT_NEW = f"which was made before this child, so that children would share its values. {_REMEDY}"
FROZEN = (
    "which would never learn: its layer has trainable=False, or the weight itself. Leave trainable at True; for a "
    "fixed filter use a constant (tf.constant)."
)
NO_GRADIENT = (
    "which would never learn: no gradient reaches it. Use it in what the operation returns, by differentiable "
    "functions only, or leave it out."
)


class VariableWatch:
    """Records the floating-point variables that each operation of one child creates or reads while it is built.

    Attributes:
        created: (operation, variable) for each variable created.
    """

    def __init__(self) -> None:
        self.created: list[tuple[str, Any]] = []
        self._read: list[tuple[str, Any]] = []

    @contextlib.contextmanager
    def watching(self, operation: str) -> Iterator[None]:
        """Records the variables that are created and read in this block as those of `operation`."""
        # TensorFlow is not imported here: Keras 3 with another backend does not need it and has none of its variables.
        tf = sys.modules.get("tensorflow")
        if tf is None:
            yield
            return
        created = []

        def create(next_creator: Callable, **settings: Any) -> Any:
            created.append(next_creator(**settings))
            return created[-1]

        # Operations of TensorFlow on a Keras tensor read a variable immediately; the tape sees the trainable ones.
        with tf.variable_creator_scope(create), tf.GradientTape() as tape:
            yield
        self.created += [(operation, variable) for variable in created if is_weight(variable)]
        self._read += [(operation, variable) for variable in tape.watched_variables() if is_weight(variable)]

    def check(self, model: Any) -> None:
        """Raises InvalidValueError unless `model` owns and trains every recorded variable."""
        owned, trained = identities_of(model.weights), identities_of(model.trainable_weights)
        created = identities_of(variable for _, variable in self.created)
        for operation, variable in [*self.created, *self._read]:
            if not identities(variable) & owned:
                raise refusal(operation, variable, NOT_OWNED)
            if not identities(variable) & created:
                raise refusal(operation, variable, NOT_NEW)
            if variable.trainable and not identities(variable) & trained:
                raise refusal(operation, variable, FROZEN)


def refusal(operation: str, variable: Any, why: str) -> InvalidValueError:
    """Returns the error for a variable that an operation must not use."""
    return InvalidValueError(
        f"Operation {operation!r} uses the variable {variable.name} of shape {tuple(variable.shape)}, {why}"
    )


def is_weight(variable: Any) -> bool:
    """Returns whether a variable holds floating-point numbers; seeds and counters hold integers."""
    return variable.dtype.is_floating


def identities(variable: Any) -> set[int]:
    """Returns identities of a variable that wrapping by Keras 3 or mixed precision, and mirroring, preserve."""
    found = {id(variable)}
    for part in (variable, *getattr(variable, "values", ())):
        # A mirrored variable itself has no handle, only its parts do.
        with contextlib.suppress(ValueError, AttributeError):
            found.add(id(part.handle))
    return found


def identities_of(variables: Iterable) -> set[int]:
    """Returns the `identities` of all the variables."""
    return {identity for variable in variables for identity in identities(variable)}
