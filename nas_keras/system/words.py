"""Numbers with the right form of what is counted: "1 file", "2 files"."""

_IRREGULAR = {"child": "children", "epoch": "epochs", "is": "are", "has": "have", "was": "were"}


def counted(number: int, what: str) -> str:
    """Returns a number and what it counts, such as "1 stray file" or "2,000 stray files"; `what` is the singular."""
    return f"{number:,} {what if number == 1 else plural(what)}"


def plural(what: str) -> str:
    """Returns the plural of English words whose last one is counted."""
    start, _, word = what.rpartition(" ")
    if word in _IRREGULAR:
        word = _IRREGULAR[word]
    elif word.endswith(("s", "x", "ch", "sh")):
        word += "es"
    elif word.endswith("y") and word[-2] not in "aeiou":
        word = f"{word[:-1]}ies"
    else:
        word += "s"
    return f"{start} {word}".lstrip()
