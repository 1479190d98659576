"""Cells as a person names them on a command line: keys of a space, which may hold commas, and cells people designed."""

from collections.abc import Sequence

from nas_keras.errors import InvalidValueError
from nas_keras.spaces.human_cells import HUMAN_CELLS
from nas_keras.spaces.search_space import Actions, SearchSpace

HUMAN_TITLES = {"vgg": "VGG", "inception": "Inception", "resnet": "ResNet"}
LARGEST = 1_000_000  # encodings of a space whose keys are looked up by going through all of them


def find_cells(space: SearchSpace, parts: Sequence[str]) -> dict[str, Actions]:
    """The cells that a list names, as key -> encoding, in the order of the list, each once.

    Args:
        space: that they are of.
        parts: the list, cut at every comma, those within keys too; they are put together again, the longest match
            first. "vgg", "inception" and "resnet" are those of `nas_keras.spaces.human_cells`.

    Raises:
        InvalidValueError: for what is neither a name nor the beginning of a key, a cell that does not fit the space,
            or a key of a space that is too large to be gone through.
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
                f"--cells: {parts[0]!r} begins no key of {space!r}. Keys look like {min(keys)!r}; names of cells are "
                f"{', '.join(HUMAN_CELLS)}."
            )
    return found


def name_human_cells(space: SearchSpace) -> dict[str, str]:
    """Key -> title of those cells that people designed which fit the space."""
    titles = {}
    for name, make in HUMAN_CELLS.items():
        try:
            titles[space.key(space.encode(make()))] = HUMAN_TITLES[name]
        except InvalidValueError:  # it does not fit
            continue
    return titles


def _encodings_of(space: SearchSpace, first: str) -> dict[str, Actions]:
    """Key -> its first encoding."""
    if space.size > LARGEST:
        raise InvalidValueError(
            f"--cells: {first!r} cannot be looked up in {space!r}, whose encodings are too many to go through. Name "
            f"{', '.join(HUMAN_CELLS)}, or take cells from a run."
        )
    return {space.key(actions): actions for actions in space.enumerate(distinct=True)}
