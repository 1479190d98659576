"""Cells named on a command line: keys of a space, which may contain commas, and cells designed by people."""

from collections.abc import Sequence

from nas_keras.errors import InvalidValueError
from nas_keras.spaces.human_cells import HUMAN_CELLS
from nas_keras.spaces.search_space import Actions, SearchSpace

HUMAN_TITLES = {"vgg": "VGG", "inception": "Inception", "resnet": "ResNet"}
LARGEST = 1_000_000  # encodings up to which keys are looked up by enumerating the space


def find_cells(space: SearchSpace, parts: Sequence[str]) -> dict[str, Actions]:
    """Finds the cells that a list names.

    Args:
        space: the space of the cells.
        parts: the list, split at every comma, including those within keys. Parts of a key are joined again, the longest
            match first. "vgg", "inception" and "resnet" are the cells of `nas_keras.spaces.human_cells`.

    Returns:
        Key -> encoding, each once, in the order of the list.

    Raises:
        InvalidValueError: if a part is neither a name nor the beginning of a key, a cell does not fit the space, or a
            key is given for a space that is too large to enumerate.
    """
    found: dict[str, Actions] = {}
    keys: dict[str, Actions] = {}
    parts = list(parts)
    while parts:
        if parts[0] in HUMAN_CELLS:
            actions = space.encode(HUMAN_CELLS[parts.pop(0)]())
            found.setdefault(space.key(actions), actions)
            continue
        keys = keys or _encodings_of(space, parts[0])
        longest = 1 + max(key.count(",") for key in keys)
        for end in range(min(len(parts), longest), 0, -1):
            key = ",".join(parts[:end])
            if key in keys:
                found[key] = keys[key]
                del parts[:end]
                break
        else:
            raise InvalidValueError(
                f"--cells: {parts[0]!r} is not the beginning of a key of {space!r}. Keys look like {min(keys)!r}; "
                f"names of cells are {', '.join(HUMAN_CELLS)}."
            )
    return found


def name_human_cells(space: SearchSpace) -> dict[str, str]:
    """Returns key -> title of the cells designed by people that fit the space."""
    titles = {}
    for name, make in HUMAN_CELLS.items():
        try:
            titles[space.key(space.encode(make()))] = HUMAN_TITLES[name]
        except InvalidValueError:  # it does not fit
            continue
    return titles


def _encodings_of(space: SearchSpace, first: str) -> dict[str, Actions]:
    """Returns every key of the space with its first encoding."""
    if space.size > LARGEST:
        raise InvalidValueError(
            f"--cells: {first!r} cannot be looked up in {space!r}, which has too many encodings to enumerate. Name "
            f"{', '.join(HUMAN_CELLS)}, or take cells from a run."
        )
    return {space.key(actions): actions for actions in space.enumerate(distinct=True)}
