"""What two descriptions of search spaces have in common: the differences in words, and the choices of the same name."""

from collections.abc import Sequence
from typing import Any

from nas_keras.spaces.description import choices_of, completed
from nas_keras.system.code.fingerprint import parts_difference

_MAX_NAMED = 5  # choices in a message


def space_difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Returns the differences between two descriptions, in words; an older one may hold only a fingerprint."""
    old, new = (completed(described) for described in (old, new))
    if "decisions" not in old or "decisions" not in new:
        return f"{_title(old)} before, {_title(new)} now; the decisions of the older one were not recorded"
    if old.get("name") != new.get("name"):
        return f"name {old.get('name')!r} before, {new.get('name')!r} now"
    said = []
    before, now = (choices_of(described) for described in (old, new))
    said += [f"decision {name!r} is {'new' if name in now else 'gone'}" for name in _apart(before, now)]
    common = [name for name in before if name in now]
    if common != [name for name in now if name in before]:
        said.append(f"the order of decisions {list(before)} before, {list(now)} now")
    for name in common:
        gone = [choice for choice in before[name] if choice not in now[name]]
        added = [choice for choice in now[name] if choice not in before[name]]
        if gone or added:
            changes = [f"{_list(some)} {what}" for some, what in ((gone, "is gone"), (added, "is new")) if some]
            said.append(f"decision {name!r}: choice {', '.join(changes)}")
        elif before[name] != now[name]:
            said.append(f"decision {name!r}: choices in the order {_list(before[name])} before, {_list(now[name])} now")
    functions = [described.get("functions", {}) for described in (old, new)]
    for name in sorted({*functions[0], *functions[1]}):
        changed = parts_difference(*(described.get(name, {}) for described in functions))
        said += [f"its function {name}: {changed}"] if changed else []
    return "; ".join(said)


def choice_places(old: dict[str, Any], new: dict[str, Any]) -> list[list[int | None]] | None:
    """Maps the choices of one space to those of another, by their names.

    Args:
        old: description of the one space.
        new: description of the other space.

    Returns:
        For each decision and choice of `old` the index in `new`, or None if `new` has no such choice. None as a whole
        if the spaces differ in their names or decisions, or have functions of the user's, which may depend on indices.
    """
    old, new = (completed(described) for described in (old, new))
    if "decisions" not in old or old["name"] != new["name"] or "functions" in old or "functions" in new:
        return None
    before, now = (choices_of(described) for described in (old, new))
    if list(before) != list(now):  # a tuple in another order is another architecture
        return None
    index = {name: {choice: place for place, choice in enumerate(choices)} for name, choices in now.items()}
    return [[index[name].get(choice) for choice in choices] for name, choices in before.items()]


def _title(described: dict[str, Any]) -> str:
    name, fingerprint = described.get("name"), described.get("fingerprint")
    return f"{name} ({fingerprint})" if name else f"fingerprint {fingerprint}"


def _apart(before: dict, now: dict) -> list[str]:
    return [name for name in {**before, **now} if name not in before or name not in now]


def _list(choices: Sequence[str]) -> str:
    named = ", ".join(map(str, choices[:_MAX_NAMED]))
    return named if len(choices) <= _MAX_NAMED else f"{named} and {len(choices) - _MAX_NAMED} more"
