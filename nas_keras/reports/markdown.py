"""Markdown of pages: accuracies and numbers as text, beside what `results/model_card/markdown.py` has."""

import math

from nas_keras.results.model_card.markdown import code, escape, make_table

__all__ = ["code", "escape", "flatten", "make_table", "number", "percent"]


def percent(fraction: float, error: float = math.nan, *, sign: bool = False, digits: int = 2) -> str:
    """Formats a fraction in percent without the sign: "98.85", or "98.85 ± 0.03" with its error; NaN is a dash."""
    if math.isnan(fraction):
        return "–"
    text = f"{100 * fraction:{'+' if sign else ''}.{digits}f}"
    return text if math.isnan(error) else f"{text} ± {100 * error:.{digits}f}"


def number(value: float, digits: int = 2, *, error: float = math.nan) -> str:
    """Formats a number, and its error if given, with `digits` decimals; NaN is a dash."""
    if math.isnan(value):
        return "–"
    return f"{value:.{digits}f}" if math.isnan(error) else f"{value:.{digits}f} ± {error:.{digits}f}"


def flatten(value: object) -> str:
    """Formats a part of a recipe on one line: "filters 16, stages 2"."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {flatten(part)}" for name, part in value.items())
    return str(value)
