"""Cells: small graphs of operations, with a canonical form and a key. Building them is left to `children/build.py`.

Every node has one input, so a cell is a tree: its root is the cell's input, and the children of a tensor are the nodes
that read it. Two cells are the same network if their trees are equal after contraction (`contract`).
"""

import dataclasses
import functools
import re
from collections.abc import Sequence
from typing import NamedTuple

from nas_keras.errors import InvalidValueError, check_choice, shown
from nas_keras.spaces.cell_text import check_operation_name, read_cell
from nas_keras.spaces.operations import OPERATIONS

IDENTITY = "identity"
CONCAT, ADD = "concat", "add"
COMBINERS = (CONCAT, ADD)  # in the order of the choices 0 and 1
_NAME = re.compile(r"[\w+-]+")
_SMALL = re.compile(r"\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*")  # a key of the small space


class Tree(NamedTuple):
    """An operation and the operations that read its output, sorted by their text."""

    operation: str
    readers: tuple["Tree", ...] = ()

    def __str__(self) -> str:
        return f"{self.operation}[{','.join(map(str, self.readers))}]" if self.readers else self.operation

    def count_leaves(self) -> int:
        """Counts the tensors of this subtree that nothing reads."""
        return sum(reader.count_leaves() for reader in self.readers) or 1


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell as written, node by node. To find out whether two cells are the same network, compare their keys.

    Attributes:
        nodes: (input, operation) of each node; input 0 is the cell's input, and input j the output of node j, counted
            from 1.
        combine: "concat" or "add", the way in which the loose ends, which nothing reads, become the cell's output.
    """

    nodes: tuple[tuple[int, str], ...]
    combine: str = CONCAT

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "nodes", tuple((source, operation) for source, operation in self.nodes))
        except (TypeError, ValueError) as error:
            raise InvalidValueError(
                f"nodes={shown(self.nodes)} is not allowed: it must be a list of (input, operation), such as "
                "((0, 'conv_3x3'), (1, 'identity'))."
            ) from error
        if not self.nodes:
            raise InvalidValueError("A cell needs at least one node; for a cell that does nothing use 'identity'.")
        check_choice("combine", self.combine, COMBINERS)
        for number, (source, operation) in enumerate(self.nodes, start=1):
            if isinstance(source, bool) or not isinstance(source, int) or not 0 <= source < number:
                raise InvalidValueError(
                    f"Node {number} reads {shown(source)}: it can read 0 (the cell's input) to {number - 1} (an "
                    "earlier node)."
                )
            check_operation_name(operation)

    @classmethod
    def chain(cls, *operations: str) -> "Cell":
        """Returns the cell of some operations, one after the other."""
        return cls(tuple(enumerate(operations)))

    @classmethod
    def parse(cls, text: str) -> "Cell":
        """Returns the cell of a key, so that `Cell.parse(key).key == key`.

        Args:
            text: a key of a large space, such as "concat(conv_3x3,identity)"; a cell that is written like one but is
                not in canonical form; or a key of the small space, such as "1,7", or "conv_3x3,identity" as it is
                shown, whose cell is conv_3x3 and identity in a row.

        Raises:
            InvalidValueError: if it is none of them; the message says at which character. Whether the operations exist
                is left to whoever builds the cell.
        """
        small = _SMALL.fullmatch(text) if isinstance(text, str) else None
        if small:
            numbers = [int(number) for number in small.groups()]
            if max(numbers) < len(OPERATIONS):
                return cls.chain(*(OPERATIONS[number] for number in numbers))
            raise InvalidValueError(
                f"{shown(text)} is not a cell: a key of the small space is two numbers from 0 to {len(OPERATIONS) - 1}."
            )
        in_a_row = [name.strip() for name in text.split(",")] if isinstance(text, str) else []
        if len(in_a_row) == 2 and all(map(_NAME.fullmatch, in_a_row)):
            if unknown := [name for name in in_a_row if name not in OPERATIONS]:
                raise InvalidValueError(
                    f"{shown(text)} is not a cell: there is no operation {unknown[0]!r}. Allowed in a row of two: "
                    f"{', '.join(OPERATIONS)}."
                )
            return cls.chain(*in_a_row)
        nodes, combiner = read_cell(text, COMBINERS)
        cell = cls(tuple(nodes), combiner or CONCAT)
        if combiner is None and cell.num_loose_ends > 1:
            raise InvalidValueError(
                f"{shown(text)} is not a cell: {cell.num_loose_ends} tensors are left unread, so it must say how they "
                f"are combined: {' or '.join(f'{name}({cell.key[7:-1]})' for name in COMBINERS)}."
            )
        return cell

    def __str__(self) -> str:
        return self.key

    @functools.cached_property
    def trees(self) -> tuple[Tree, ...]:
        """The canonical form: the readers of the cell's input, contracted and sorted."""
        readers: list[list[Tree]] = [[] for _ in range(len(self.nodes) + 1)]
        for number in range(len(self.nodes), 0, -1):  # a node's readers come after it, so they are complete
            source, operation = self.nodes[number - 1]
            readers[source].extend(contract(operation, readers[number]))
        return _sort(readers[0])

    @property
    def num_loose_ends(self) -> int:
        """The number of tensors that nothing reads in the canonical form."""
        return sum(tree.count_leaves() for tree in self.trees)

    @functools.cached_property
    def key(self) -> str:
        """The canonical key, such as `add(conv_3x3[conv_3x3],identity)`; it names the combiner only if that matters."""
        text = ",".join(map(str, self.trees))
        return f"{self.combine}({text})" if self.num_loose_ends > 1 else text


def contract(operation: str, readers: Sequence[Tree]) -> list[Tree]:
    """Contracts a node whose readers are contracted already, and returns the trees that replace it.

    (1) An identity that some node reads is removed, and its readers read its input. (2) An identity that nothing reads
    and that is the only reader of an operation's output is removed. Any other identity is a skip connection or the
    whole cell, and stays. Applying a rule to the node never makes one applicable to its readers.

    Args:
        operation: the node's operation.
        readers: contracted trees of the nodes that read it.

    Returns:
        One tree, or the readers of a removed identity.
    """
    if operation == IDENTITY and readers:
        return list(readers)
    if list(readers) == [Tree(IDENTITY)]:
        readers = []
    return [Tree(operation, _sort(readers))]


def _sort(trees: Sequence[Tree]) -> tuple[Tree, ...]:
    return tuple(sorted(trees, key=str))
