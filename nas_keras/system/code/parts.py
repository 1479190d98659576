"""The parts of a code's identity, name -> text; what is long, or may be a secret, is written as a digest."""

import hashlib

from nas_keras.system.user_files import file_digest

_DIGEST = "sha256:"
_LONG = 40  # characters of a value that is written out


class Parts:
    """Parts that are collected.

    Attributes:
        found: the parts, name -> text.
    """

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def add(self, name: str, text: str) -> str:
        """Adds a part and returns its name, with a number if another part has that name already."""
        free, number = name, 1
        while self.found.get(free, text) != text:
            number += 1
            free = f"{name} #{number}"
        self.found[free] = text
        return free

    def add_value(self, name: str, text: str) -> None:
        """Adds a value that the code reads, as its text or as a digest of that."""
        # A string may be a password, so only its digest is stored.
        is_open = len(text) <= _LONG and text.isprintable() and not {"'", '"'} & set(text)
        self.add(name, text if is_open else digest(text))

    def add_file(self, module: str | None) -> None:
        """Adds the digest of the file of a module, if it is one that was imported by its path."""
        if (file := file_digest(module)) is not None:
            self.add(f"file {file[0]}", file[1])


def is_digest(text: object) -> bool:
    """Returns whether a part is written as a digest, which says nothing to a reader."""
    return isinstance(text, str) and _DIGEST in text


def digest(text: str | bytes) -> str:
    """Returns a text or bytes as a digest of 16 hexadecimal digits."""
    return f"{_DIGEST}{hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()[:16]}"
