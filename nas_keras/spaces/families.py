"""The two families of cell spaces, small and large, with the mapping between encodings and cells."""

import functools
from collections import Counter
from collections.abc import Sequence

from nas_keras.errors import InvalidValueError, check_at_least, check_choice, shown
from nas_keras.spaces.cell import COMBINERS, CONCAT, IDENTITY, Cell, Tree
from nas_keras.spaces.cell_text import check_operation_name
from nas_keras.spaces.operations import OPERATIONS
from nas_keras.spaces.search_space import Actions, Decision, SearchSpace

MAX_NODES = 8
NAMES = ("small", *(f"large{n}" for n in range(1, MAX_NODES + 1)))
# Number of keys of large(1) to large(4) with the eight operations, counted by a test. Larger spaces are not enumerated.
_NUM_KEYS = {1: 8, 2: 129, 3: 2_000, 4: 31_255}


def small() -> SearchSpace:
    """Returns the space of two operations in a row: 8 x 8 = 64 cells, as in the paper's first experiment.

    The key is the encoding itself, so `(identity, conv_3x3)` and `(conv_3x3, identity)`, which are the same network,
    are two children. The difference of their rewards shows the noise of training.
    """
    decisions = [Decision(f"op_{i}", OPERATIONS) for i in (1, 2)]

    def encode(cell: Cell) -> Actions:
        _check_cell(cell)
        same = [a for a in space.enumerate() if space.decode(a).key == cell.key]
        if not same:
            raise InvalidValueError(
                f"{cell.key} does not fit the small space, whose cells are two operations in a row."
            )
        return next((a for a in same if space.decode(a).nodes == cell.nodes), same[0])  # as written, if possible

    space = SearchSpace("small", decisions, decode=lambda a: Cell.chain(*(OPERATIONS[i] for i in a)), encode=encode)
    return space


def large(num_nodes: int = 3, *, operations: Sequence[str] = OPERATIONS) -> SearchSpace:
    """Returns a space of cells with skip connections and branching.

    Node i applies an operation to the cell's input or to an earlier node's output. The decisions are `op_1, input_2,
    op_2, input_3, op_3, ..., combine`, T = 2 `num_nodes`; `input_i` is 0 for the cell's input or j for node j, and
    `combine` is 0 for concat or 1 for add. Spaces of 1, 2, 3 and 4 nodes have 16, 256, 6,144 and 196,608 encodings and
    8, 129, 2,000 and 31,255 keys (`Cell.key`).

    Args:
        num_nodes: number of nodes, 1 to 8.
        operations: names of the operations to choose from; the eight built-in ones by default.

    Raises:
        InvalidValueError: if a value is not allowed.
    """
    check_at_least("num_nodes", num_nodes, 1)
    if isinstance(operations, str) or not isinstance(operations, Sequence):
        raise InvalidValueError(
            f"operations={shown(operations)} is not allowed: it must be a tuple of names, such as nk.OPERATIONS."
        )
    for name in operations:
        check_operation_name(name)
    if num_nodes > MAX_NODES:
        raise InvalidValueError(
            f"num_nodes={shown(num_nodes)} is not allowed: the large space takes 1 to {MAX_NODES} nodes."
        )
    operations = tuple(operations)
    decisions = [Decision("op_1", operations)]
    for number in range(2, num_nodes + 1):
        decisions += [Decision(f"input_{number}", tuple(range(number))), Decision(f"op_{number}", operations)]
    decisions.append(Decision("combine", COMBINERS))

    def decode(actions: Actions) -> Cell:
        sources = (0, *actions[1:-1:2])
        nodes = ((source, operations[op]) for source, op in zip(sources, actions[0:-1:2], strict=True))
        return Cell(tuple(nodes), COMBINERS[actions[-1]])

    return SearchSpace(
        f"large{num_nodes}",
        decisions,
        key=lambda actions: decode(actions).key,
        decode=decode,
        encode=functools.partial(_encode_large, num_nodes=num_nodes, operations=operations),
        num_keys=_NUM_KEYS.get(num_nodes) if operations == OPERATIONS else None,
    )


def by_name(name: str) -> SearchSpace:
    """Returns the space called `name`: "small", or "large1" to "large8".

    Raises:
        InvalidValueError: for any other name.
    """
    check_choice("space", name, NAMES)
    return small() if name == "small" else large(int(name.removeprefix("large")))


def operations_of(space: SearchSpace) -> list[str]:
    """Returns the operations of all cells in which at most one decision differs from its first choice.

    Raises:
        InvalidValueError: if the space does not decode to cells.
    """
    names: dict[str, None] = {}
    for place, decision in enumerate(space.decisions):
        for choice in range(len(decision.choices)):
            cell = space.decode([choice if p == place else 0 for p in range(len(space.decisions))])
            if not isinstance(cell, Cell):
                raise InvalidValueError(
                    f"{space!r} decodes to {type(cell).__name__}, but only cells can be trained without "
                    "build= (--build). Pass a function that makes the network of an architecture, use spaces.small() "
                    "or spaces.large(), or a FunctionEvaluator of your own."
                )
            names.update(dict.fromkeys(name for _, name in cell.nodes))
    return list(names)


def _check_cell(cell: object) -> None:
    if not isinstance(cell, Cell):
        raise InvalidValueError(
            f"{shown(cell)} is not a cell: give an nk.Cell, such as nk.cells.vgg() or nk.Cell.chain('conv_3x3')."
        )


def _encode_large(cell: Cell, *, num_nodes: int, operations: tuple[str, ...]) -> Actions:
    """Searches encodings depth-first, in enumeration order, abandoning a prefix once it cannot become `cell`."""
    _check_cell(cell)
    target = _count_paths(cell.trees)
    num_target = sum(target.values())
    missing = {path[-1] for path in target} - set(operations)
    if missing or num_target > num_nodes:
        why = f"no operation {sorted(missing)}" if missing else f"{num_target} nodes at least"
        raise InvalidValueError(f"{cell.key} does not fit the large space of {num_nodes} nodes: it needs {why}.")

    def extend(nodes: tuple, paths: tuple, used: Counter) -> tuple | None:
        if len(nodes) == num_nodes:
            return nodes if Cell(nodes, cell.combine).key == cell.key else None
        for source in range(len(nodes) + 1):
            for operation in operations:
                # Identities contract, so a node is identified by the other operations between it and the root.
                path = paths[source] if operation == IDENTITY else (*paths[source], operation)
                now_used = used + Counter([path] if operation != IDENTITY else [])
                still_open = len(convolutions) and sum((convolutions - now_used).values())
                if now_used - convolutions or still_open > num_nodes - len(nodes) - 1:
                    continue
                found = extend((*nodes, (source, operation)), (*paths, path), now_used)
                if found:
                    return found
        return None

    convolutions = Counter({path: n for path, n in target.items() if path[-1] != IDENTITY})
    nodes = extend((), ((),), Counter())
    if nodes is None:
        raise InvalidValueError(
            f"{cell.key} does not fit the large space of {num_nodes} nodes: its other nodes cannot be identities that "
            "contract away."
        )
    combine = COMBINERS.index(cell.combine if cell.num_loose_ends > 1 else CONCAT)
    flat = [value for source, operation in nodes for value in (source, operations.index(operation))]
    return (*flat[1:], combine)


def _count_paths(trees: Sequence[Tree], above: tuple[str, ...] = ()) -> Counter:
    """Counts each path of operations from the root."""
    counts: Counter[tuple[str, ...]] = Counter()
    for tree in trees:
        path = (*above, tree.operation)
        counts[path] += 1
        counts += _count_paths(tree.readers, path)
    return counts
