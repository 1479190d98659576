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


def name_key(space: SearchSpace, key: str, actions: Sequence[int]) -> str:
    """Returns a key as it is shown: as it is, unless it is the encoding itself, whose choices are then named.

    Unlike the names of architectures, different keys of a space stay different: in the small space,
    "identity,conv_3x3" and "conv_3x3,identity" are two children.

    Args:
        space: the space.
        key: the key of an encoding.
        actions: the encoding [T].
    """
    actions = space.check(actions)
    if key != ",".join(map(str, actions)):
        return key
    if isinstance(space.decode(actions), Cell):
        return ",".join(str(d.choices[action]) for d, action in zip(space.decisions, actions, strict=True))
    return name_architecture(space, actions)


def kind_of(space: SearchSpace) -> str:
    """Returns "cells" or "networks", the word for the architectures of a space."""
    return "cells" if isinstance(space.decode([0] * len(space.decisions)), Cell) else "networks"
