"""Checks that a user's operation or network uses only variables that its child owns and trains.

A weight that a model does not own is neither trained nor saved: the child seems to work, but the weight keeps its
initial values. The same holds for a weight of a frozen layer.
"""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from nas_keras.errors import InvalidValueError

OPERATION_REMEDY = (
    "Use layers of the Keras module that the builder gets as its first argument (neither those of `import keras` nor "
    "a tf.Variable), make them inside the builder, and create weights of your own by self.add_weight in a subclass of "
    "keras.layers.Layer."
)
NETWORK_REMEDY = (
    "Use layers of tf.keras, which is tf_keras here (neither those of `import keras` nor a tf.Variable), make them "
    "inside the function, and create weights of your own by self.add_weight in a subclass of tf.keras.layers.Layer."
)
NOT_OWNED = "which its child does not own, so that it would be neither trained nor saved. {remedy}"
NOT_NEW = "which was made before this child, so that children would share its values. {remedy}"
FROZEN = (
    "which would never learn: its layer has trainable=False, or the weight itself. Leave trainable at True; for a "
    "fixed filter use a constant (tf.constant)."
)
NO_GRADIENT = (
    "which would never learn: no gradient reaches it. Use it for what is returned, by differentiable "
    "functions only, or leave it out."
)


class VariableWatch:
    """Records the floating-point variables that the user's code creates or reads while one child is built.

    Args:
        remedy: advice on the code, which ends the messages.

    Attributes:
        created: (subject, variable) for each variable created; the subject is the code, such as "Operation 'mine'".
    """

    def __init__(self, remedy: str = OPERATION_REMEDY) -> None:
        self._remedy = remedy
        self.created: list[tuple[str, Any]] = []
        self._read: list[tuple[str, Any]] = []

    @contextlib.contextmanager
    def watching(self, subject: str) -> Iterator[None]:
        """Records the variables that are created and read in this block as those of `subject`."""
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
        self.created += [(subject, variable) for variable in created if is_weight(variable)]
        self._read += [(subject, variable) for variable in tape.watched_variables() if is_weight(variable)]

    def check(self, model: Any) -> None:
        """Raises InvalidValueError unless `model` owns and trains every recorded variable."""
        owned, trained = identities_of(model.weights), identities_of(model.trainable_weights)
        created = identities_of(variable for _, variable in self.created)
        for subject, variable in [*self.created, *self._read]:
            if not identities(variable) & owned:
                raise self.refusal(subject, variable, NOT_OWNED)
            if not identities(variable) & created:
                raise self.refusal(subject, variable, NOT_NEW)
            if variable.trainable and not identities(variable) & trained:
                raise self.refusal(subject, variable, FROZEN)

    def refusal(self, subject: str, variable: Any, why: str) -> InvalidValueError:
        """Returns the error for a variable that the code must not use."""
        return InvalidValueError(
            f"{subject} uses the variable {variable.name} of shape {tuple(variable.shape)}, "
            f"{why.format(remedy=self._remedy)}"
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
