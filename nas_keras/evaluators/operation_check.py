"""Checks the operations of a space before any child is trained: each is built twice, and its gradients are traced.

Nothing is computed and nothing is written. An operation that cannot be built, sent to a worker process or trained is
reported by name before the folder of the run is created.
"""

from collections.abc import Iterable
from typing import Any

import cloudpickle

from nas_keras.children.build import ChildConfig, build_child
from nas_keras.children.training import in_precision
from nas_keras.errors import InvalidValueError, check_choice
from nas_keras.evaluators.step_check import check_step
from nas_keras.spaces import operations
from nas_keras.spaces.cell import Cell
from nas_keras.spaces.variables import VariableWatch
from nas_keras.storage.recipe import OPERATIONS, code_difference, with_code


def picklable(builders: dict[str, operations.Builder]) -> dict[str, operations.Builder]:
    """Returns the builders that can be sent to a worker process."""
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
        names: names of the operations of a space.
        sent: names of the registered operations that the workers have.
        child: the network in which each operation is built, alone in its cell.
        input_shape: (height, width, channels) of an image.
        num_classes: number of classes of the labels.
        precision: precision of the training, see `TrainConfig`.
    """
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
        for _ in range(2):  # the second model shows what a builder keeps from one child to the next
            watch = VariableWatch()
            with in_precision(precision):
                model = build_child(
                    Cell.chain(name), child, input_shape=input_shape, num_classes=num_classes, watch=watch
                )
        check_step(f"Operation {name!r}", model, watch)


def operations_of_cells(cells: Iterable[object], run: object) -> set[str]:
    """Returns the operations of cells; raises InvalidValueError for anything that is not a cell.

    Args:
        cells: the cells.
        run: the folder of their run, for the message.
    """
    names: set[str] = set()
    for cell in cells:
        if not isinstance(cell, Cell):
            raise InvalidValueError(
                f"The space of {str(run)!r} decodes to {type(cell).__name__}, not to cells. Pass the space "
                "of the run: export_best(space=...)."
            )
        names.update(name for _, name in cell.nodes)
    return names


def check_code(names: Iterable[str], recipe: dict[str, Any], run: object) -> None:
    """Raises InvalidValueError unless the operations are those with which a run's rewards were computed.

    Args:
        names: the operations of the children that are to be trained again.
        recipe: the recipe of the run; if it does not record the code, as in older runs, any code is accepted.
        run: the run's folder, for the message.
    """
    names = set(names)
    now, built_in = operations.registered_code(), set(operations.OPERATIONS)
    missing = sorted(names - built_in - set(operations.registered()))
    if missing:
        raise InvalidValueError(
            f"The children of {str(run)!r} have the operation {missing[0]!r}, which is not registered here. "
            f"Call nk.register_operation({missing[0]!r}, build) with the code of the run first."
        )
    before = recipe.get(OPERATIONS, {})
    before = {name: before[name] for name in names if name in before} if isinstance(before, dict) else {}
    changed = code_difference(
        with_code({}, operations=before),
        with_code({}, operations={name: now[name] for name in before if name in now}),
    )
    if changed:
        raise InvalidValueError(
            f"The rewards of {str(run)!r} came from other code: {changed}. An export would train another "
            "network. Restore the code, of an imported file its old text, or register the operation with the same "
            "version= as before."
        )


def _pickling_error(build: operations.Builder) -> Exception | None:
    try:
        cloudpickle.dumps(build)
    except Exception as error:  # an object that cannot be pickled may raise any class
        return error
    return None
