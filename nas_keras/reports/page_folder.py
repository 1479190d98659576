"""The folder of a page: README.md with its pictures, and index.html, which replace an earlier page only.

The first line of either file marks it as made by this program, and the pictures that README.md shows belong to it. A
new page replaces any page in its folder and removes pictures that are no longer needed. All other files are left
untouched; if one of them has the name of a picture, the page is refused.
"""

import pathlib
import re
from collections.abc import Iterable, Mapping

from nas_keras.errors import InvalidValueError
from nas_keras.system.atomic_files import write_whole
from nas_keras.system.output_files import delivering

PAGE, HTML = "README.md", "index.html"
_MARK = "<!-- Made by launch/report.py; what is changed here is lost when it is made again. -->"
_PICTURE = re.compile(r"!\[[^\]\n]*\]\(([\w.-]+\.(?:png|svg))\)")


def check_output(output: pathlib.Path, names: Iterable[str]) -> None:
    """Checks that a page can be written to a folder and replaces only files of an earlier page.

    Args:
        output: the folder; it need not exist.
        names: file names of all pictures that the page may show.

    Raises:
        InvalidValueError: if the folder cannot be used or the page would replace another file.
    """
    try:
        file = next((place for place in (output, *output.parents) if place.exists() and not place.is_dir()), None)
    except OSError as error:
        raise InvalidValueError(f"{output} cannot be used as a folder: {error.strerror}. Name another.") from error
    if file:
        raise InvalidValueError(f"{file} is a file, so {output} cannot be a folder. Name a folder for the page.")
    for page in (output / PAGE, output / HTML):
        if (page.exists() or page.is_symlink()) and not _is_page(page):
            raise InvalidValueError(f"{page} was not made by this program. Name another folder for the page.")
    own = _pictures_of(output / PAGE)
    for path in (output / name for name in names if name not in own):
        if path.exists() or path.is_symlink():
            raise InvalidValueError(
                f"{path} exists and does not belong to a page of this program; a new page would replace it. Move it "
                "away, or name another folder for the page."
            )


def write_files(output: pathlib.Path, text: str, html: str, pictures: Mapping[str, bytes]) -> pathlib.Path:
    """Writes a page, replacing any earlier one, and returns the path of its README.md.

    Old pictures are deleted before the old README.md is replaced, and new ones are written after it. At any time, the
    pictures in the folder therefore belong to the README.md there, so an interrupted page can be made again.

    Args:
        output: the folder.
        text: the content of README.md, in markdown.
        html: the content of index.html.
        pictures: file name -> content of the pictures that README.md shows.

    Raises:
        InvalidValueError: if the page would replace a file that does not belong to a page.
        UnwrittenError: if a file cannot be written; the error carries the text of the page.
    """
    path, text = output / PAGE, f"{_MARK}\n\n{text.strip()}\n"
    check_output(output, pictures)
    with delivering(output, lambda: text):
        output.mkdir(parents=True, exist_ok=True)
        for file in _pictures_of(path) - pictures.keys():
            (output / file).unlink(missing_ok=True)
        write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
        write_whole(output / HTML, lambda temporary: temporary.write_text(f"{_MARK}\n{html}", encoding="utf-8"))
        for file, content in pictures.items():
            write_whole(output / file, lambda place, content=content: place.write_bytes(content))
    return path


def _is_page(path: pathlib.Path) -> bool:
    if not path.is_file() or path.is_symlink():
        return False
    with path.open("rb") as file:
        return file.read(len(_MARK)) == _MARK.encode()


def _pictures_of(path: pathlib.Path) -> set[str]:
    """File names of the pictures that a page shows; empty if there is no page."""
    return set(_PICTURE.findall(path.read_text(encoding="utf-8", errors="replace"))) if _is_page(path) else set()
