"""The text of a cell: the names that operations may have, and the reader of keys and of what people write like keys.

    cell  := tree | combiner "(" trees ")"
    trees := tree ("," tree)*
    tree  := name | name "[" trees "]"

`Cell.parse` in `cell.py` makes a cell of what is read here. Spaces between the parts are allowed.
"""

import re
from typing import NoReturn

from nas_keras.errors import InvalidValueError, check_type, shown

MOST_NODES = 200  # more are taken for a typing error, and would be too deep for Python's stack
# Characters that a key, a page, a picture and a terminal all show unchanged. (`\w` would match other alphabets.)
_NAME = re.compile(r"[A-Za-z0-9_+-]{1,100}")
_TOKEN = re.compile(r"\s*([A-Za-z0-9_+-]+|[^\sA-Za-z0-9_+-])")
_EXAMPLE = "A cell is written like concat(conv_3x3,identity) or conv_3x3[conv_5x5]."


def check_operation_name(name: object) -> None:
    """Raises InvalidValueError unless a key can hold `name`."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidValueError(f"{shown(name)} is not a valid operation name: use ASCII letters, digits, _, + and -.")


def read_cell(text: object, combiners: tuple[str, ...]) -> tuple[list[tuple[int, str]], str | None]:
    """Reads the text of a cell.

    Args:
        text: the text.
        combiners: the words that stand before a parenthesis.

    Returns:
        The (input, operation) of each node, as in `Cell.nodes`, and the combiner; None if the text names none.

    Raises:
        InvalidValueError: if it is not such a text; the message says at which character, counted from 1.
    """
    check_type("text", text, str, "the key of a cell, such as 'concat(conv_3x3,identity)'")
    assert isinstance(text, str)
    reader = _Reader(text)
    combiner = None
    if reader.following(1) == "(":
        combiner = reader.take()
        if combiner not in combiners:
            reader.refuse(f"{shown(combiner)} is not one of {', '.join(combiners)}", back=1)
        reader.take()
    nodes = _read_trees(reader, ")" if combiner else "")
    if reader.following():
        reader.refuse("the end is expected")
    return nodes, combiner


def _read_trees(reader: "_Reader", closing: str) -> list[tuple[int, str]]:
    """Reads trees up to and including `closing`, which is "" for the single tree of a text without a combiner."""
    nodes: list[tuple[int, str]] = []
    readers_of = [0]  # the tensors whose readers are being listed, the innermost last
    while True:
        if not _NAME.fullmatch(reader.following()):
            reader.refuse("the name of an operation is expected")
        nodes.append((readers_of[-1], reader.take()))
        if len(nodes) > MOST_NODES:
            reader.refuse(f"a cell has at most {MOST_NODES} nodes", back=1)
        if reader.following() == "[":
            reader.take()
            readers_of.append(len(nodes))
            continue
        while len(readers_of) > 1 and reader.following() == "]":
            reader.take()
            readers_of.pop()
        is_inside = len(readers_of) > 1
        if reader.following() == "," and (is_inside or closing):
            reader.take()
        elif is_inside:
            reader.refuse("',' or ']' is expected")
        elif reader.following() == closing:
            reader.take()
            return nodes
        else:
            reader.refuse(f"',' or {closing!r} is expected" if closing else "'[' or the end is expected")


class _Reader:
    """The tokens of a text, one after the other; "" stands for the end."""

    def __init__(self, text: str):
        self._text = text
        found = list(_TOKEN.finditer(text))
        self._tokens = [*((match[1], match.start(1) + 1) for match in found), ("", len(text) + 1)]
        self._next = 0

    def following(self, ahead: int = 0) -> str:
        """Returns the next token, or one further ahead, and leaves it there."""
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)][0]

    def take(self) -> str:
        """Returns the next token and goes on to the one after it."""
        token = self.following()
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def refuse(self, why: str, *, back: int = 0) -> NoReturn:
        """Raises InvalidValueError about the next token, or the one `back` tokens before it."""
        token, place = self._tokens[self._next - back]
        found = f"{token!r} at character {place}" if token else f"its end, at character {place}"
        raise InvalidValueError(f"{shown(self._text)} is not a cell: at {found}, {why}. {_EXAMPLE}")
