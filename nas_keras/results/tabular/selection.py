"""Rows that meet conditions such as `reward>0.98`, and rows sorted by a column. Conditions are compared, never run."""

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from nas_keras.errors import InvalidValueError, check_choice, shown
from nas_keras.results.tabular.rows import is_missing

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    "==": operator.eq,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
_EQUALITY = ("=", "==", "!=")
_SIGN = "|".join(map(re.escape, _OPERATORS))  # the longer ones come first
_FLAGS = {"true": True, "false": False}


class Condition(NamedTuple):
    """A comparison of one column with one value.

    Attributes:
        column: name of the column.
        sign: the operator, such as ">=".
        value: a number, True, False or a text, with which the column is compared.
    """

    column: str
    sign: str
    value: Any

    def holds(self, row: dict[str, Any]) -> bool:
        """Whether a row meets the condition; a number that is not known meets none."""
        found = row[self.column]
        if isinstance(self.value, str):
            found = str(found)
        return not is_missing(found) and _OPERATORS[self.sign](found, self.value)


def parse_condition(text: str, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> Condition:
    """Reads a condition: a column, one of > >= < <= = !=, and a value, such as "reward>0.98" or "op_1=conv_3x3".

    Args:
        text: the condition.
        columns: names of the columns.
        rows: rows from which the type of a column follows.

    Raises:
        InvalidValueError: if it is no condition, or the column is unknown or of another type.
    """
    column, sign, value = _split(text, columns)
    kinds = {type(row[column]) for row in rows}
    if kinds == {bool}:
        check_choice(f"where: the value of {column}", value.lower(), _FLAGS)
        _check_sign(text, sign, column)
        return Condition(column, sign, _FLAGS[value.lower()])
    if kinds and kinds <= {int, float}:
        try:
            return Condition(column, sign, float(value))
        except ValueError as error:
            raise InvalidValueError(
                f"where={shown(text)} is not allowed: {column} is a number, and {shown(value)} is none."
            ) from error
    if kinds:
        _check_sign(text, sign, column)
    return Condition(column, sign, value)


def _split(text: str, columns: Sequence[str]) -> tuple[str, str, str]:
    """Returns column, operator and value of a condition; a user's decision may have any name."""
    for column in sorted(columns, key=len, reverse=True):
        match = re.fullmatch(rf"\s*{re.escape(column)}\s*({_SIGN})\s*(.*?)\s*", text)
        if match:
            return column, match[1], match[2]
    match = re.fullmatch(rf"\s*(.+?)\s*({_SIGN}).*", text)
    if match is None:
        raise InvalidValueError(
            f"where={shown(text)} is not a condition. Write a column, one of > >= < <= = !=, and a value, such as "
            "reward>0.98 or status=ok."
        )
    check_choice("where: the column", match[1], columns)
    raise AssertionError(text)  # a known column has matched before


def _check_sign(text: str, sign: str, column: str) -> None:
    if sign not in _EQUALITY:
        raise InvalidValueError(f"where={shown(text)} is not allowed: {column} is no number; compare it by = or !=.")


def select(rows: Sequence[dict[str, Any]], columns: Sequence[str], where: Sequence[str]) -> list[dict[str, Any]]:
    """Returns the rows that meet all conditions, in the same order; see `parse_condition`."""
    conditions = [parse_condition(text, columns, rows) for text in where]
    return [row for row in rows if all(condition.holds(row) for condition in conditions)]


def sort(rows: Sequence[dict[str, Any]], columns: Sequence[str], by: str) -> list[dict[str, Any]]:
    """Returns the rows sorted by a column, equal ones in their order and unknown numbers last.

    Args:
        rows: the rows.
        columns: names of the columns.
        by: a column, for the smallest first, or "-" and a column, for the largest first.

    Raises:
        InvalidValueError: if there is no such column.
    """
    column = by if by in columns else by.removeprefix("-")
    check_choice("sort", column, columns)
    known = [row for row in rows if not is_missing(row[column])]
    is_mixed = len({isinstance(row[column], str) for row in known}) > 1
    known.sort(key=lambda row: str(row[column]) if is_mixed else row[column], reverse=by != column)
    return known + [row for row in rows if is_missing(row[column])]
