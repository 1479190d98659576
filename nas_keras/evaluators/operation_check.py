"""Checks the operations of a space before any child is trained: each is built once, and its gradients are traced.

Nothing is computed and nothing is written: an operation that cannot be built, sent to a worker process or trained is
refused by name while the folder of the run does not exist yet.
"""

from collections.abc import Iterable

import cloudpickle

from nas_keras import _keras, operations
from nas_keras.cell import Cell
from nas_keras.child import ChildConfig, build_child
from nas_keras.errors import InvalidValueError, check_choice
from nas_keras.search_space import SearchSpace
from nas_keras.training import in_precision
from nas_keras.variables import (
    FROZEN,
    NO_GRADIENT,
    NOT_OWNED,
    VariableWatch,
    identities,
    identities_of,
    is_weight,
    refusal,
)

_READING = {"ReadVariableOp", "ResourceGather"}  # operations of a graph that leave a variable as it is


def operations_of(space: SearchSpace) -> list[str]:
    """The operations of all cells in which one decision at a time departs from its first choice.

    Raises:
        InvalidValueError: if the space does not decode to cells.
    """
    names: dict[str, None] = {}
    for place, decision in enumerate(space.decisions):
        for choice in range(len(decision.choices)):
            actions = [0] * len(space.decisions)
            actions[place] = choice
            cell = space.decode(actions)
            if not isinstance(cell, Cell):
                raise InvalidValueError(
                    f"{space!r} decodes to {type(cell).__name__}, but only cells can be trained. Use spaces.small(), "
                    "spaces.large(), or a FunctionEvaluator of your own."
                )
            names.update(dict.fromkeys(name for _, name in cell.nodes))
    return list(names)


def picklable(builders: dict[str, operations.Builder]) -> dict[str, operations.Builder]:
    """Those of some builders that can be sent to a worker process."""
    return {name: build for name, build in builders.items() if _pickling_error(build) is None}


def check_operations(
    names: Iterable[str],
    sent: Iterable[str],
    *,
    child: ChildConfig,
    input_shape: tuple[int, int, int],
    num_classes: int,
    precision: str,
) -> None:
    """Raises InvalidValueError for the first operation of `names` that cannot be trained in a worker process.

    Built-in operations are only looked up.

    Args:
        names: of the operations of a space.
        sent: names of the registered operations that the workers get.
        child: the network that each operation is built in, alone in its cell.
        input_shape: (height, width, channels) of an image.
        num_classes: of the labels.
        precision: of the training, see `TrainConfig`.
    """
    tf = _keras.load_tensorflow()
    registered, sent = operations.registered(), set(sent)
    for name in names:
        if name in operations.OPERATIONS:
            continue
        check_choice("operation", name, [*operations.OPERATIONS, *registered])
        error = _pickling_error(registered[name])
        if error is not None:
            raise InvalidValueError(
                f"Operation {name!r} cannot be sent to a worker process: {type(error).__name__}: {error}. Its builder "
                "must be a function that refers to nothing but modules, functions, numbers and texts; make everything "
                "else inside it."
            )
        if name not in sent:
            raise InvalidValueError(
                f"Operation {name!r} was registered after the evaluator was made, so its workers do not know it. "
                "Register the operation first, then make the evaluator."
            )
        watch = VariableWatch()
        with in_precision(tf, precision):
            model = build_child(Cell.chain(name), child, input_shape=input_shape, num_classes=num_classes, watch=watch)
        _check_step(tf, name, model, [variable for _, variable in watch.created])


def _pickling_error(build: operations.Builder) -> Exception | None:
    try:
        cloudpickle.dumps(build)
    except Exception as error:  # of whatever class an object raises that will not be pickled
        return error
    return None


def _check_step(tf, name: str, model, created: list) -> None:
    """Traces one training step, and raises InvalidValueError for a weight that it reads and would not change.

    A weight that is not trained, such as a moving average, must be assigned to by the step itself.
    """
    without_gradient = []

    @tf.function(input_signature=[tf.TensorSpec(model.input_shape, tf.uint8)])
    def step(images):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(images, training=True))
        gradients = tape.gradient(loss, model.trainable_weights)
        without_gradient.extend(w for w, g in zip(model.trainable_weights, gradients, strict=True) if g is None)
        return loss

    graph = step.get_concrete_function().graph
    for variable in filter(is_weight, graph.variables):
        if not identities(variable) & identities_of(model.weights):
            raise refusal(name, variable, NOT_OWNED)
    consumers = {id(handle): {op.type for op in inside.consumers()} for handle, inside in graph.captures}
    for variable in created:
        if identities(variable) & identities_of(without_gradient):
            raise refusal(name, variable, NO_GRADIENT)
        if not variable.trainable and consumers.get(id(variable.handle), _READING) <= _READING:
            raise refusal(name, variable, FROZEN)
