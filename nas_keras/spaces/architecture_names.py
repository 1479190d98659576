"""The name of an architecture for people: a cell as it is written, anything else as its decisions by name."""

from collections.abc import Sequence

from nas_keras.spaces.cell import Cell
from nas_keras.spaces.search_space import SearchSpace


def name_architecture(space: SearchSpace, actions: Sequence[int]) -> str:
    """Returns the name of an encoding [T], such as "conv_3x3[conv_5x5]" or "blocks=2, filters=16"."""
    actions = space.check(actions)
    architecture = space.decode(actions)
    if isinstance(architecture, Cell):
        return str(architecture)
    chosen = zip(space.decisions, actions, strict=True)
    return ", ".join(f"{decision.name}={decision.choices[action]}" for decision, action in chosen)


def kind_of(space: SearchSpace) -> str:
    """Returns "cells" or "networks", the word for the architectures of a space."""
    return "cells" if isinstance(space.decode([0] * len(space.decisions)), Cell) else "networks"
