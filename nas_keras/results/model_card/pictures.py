"""The pictures of a model card: the cell as cell.svg, and the most confident mistakes as mistakes.png."""

import importlib.util
import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nas_keras.results.model_card.accuracy import Answers
from nas_keras.spaces.cell import Cell
from nas_keras.spaces.cell_plot import plot_cell

CELL, MISTAKES = "cell.svg", "mistakes.png"
_SIDE, _GAP, _COLUMNS = 140, 12, 5  # pixels of an image and between images, and images in a row
_TEXT_HEIGHT, _FONT_SIZE = 52, 12


def draw_cell(cell: Cell, folder: pathlib.Path) -> str:
    """Draws a cell; returns why there is no picture, or ""."""
    missing = [name for name in ("matplotlib", "networkx") if importlib.util.find_spec(name) is None]
    if missing:
        return f"the picture of the cell needs {' and '.join(missing)}: pip install 'nas_keras[report]'"
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": CELL}):  # so that the same cell gives the same bytes
        plot_cell(cell).savefig(folder / CELL, metadata={"Date": None, "Creator": None})
    return ""


def draw_mistakes(answers: Answers, images: np.ndarray, class_names: Sequence[str], folder: pathlib.Path) -> bool:
    """Draws the most confident mistakes, each with its class, the answer and its probability.

    Args:
        answers: the answers on a split.
        images: the images of that split, uint8 [N, H, W, C]; of more than four channels the first is drawn.
        class_names: the names of the classes.
        folder: where mistakes.png is written.

    Returns:
        Whether there is a mistake to draw.
    """
    if not answers.mistakes:
        return False
    rows = -(-len(answers.mistakes) // _COLUMNS)
    step = _SIDE + _GAP
    columns = min(_COLUMNS, len(answers.mistakes))
    sheet = Image.new("RGB", (columns * step + _GAP, rows * (step + _TEXT_HEIGHT) + _GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT_SIZE)
    for place, (number, label, answer, confidence) in enumerate(answers.mistakes):
        x, y = _GAP + place % _COLUMNS * step, _GAP + place // _COLUMNS * (step + _TEXT_HEIGHT)
        sheet.paste(_enlarge(images[number]), (x, y))
        lines = (f"is {class_names[label]}", f"answer {class_names[answer]}", f"{confidence:.1%}, image {number:,}")
        for line, text in enumerate(lines):
            draw.text((x, y + _SIDE + 2 + 16 * line), _shorten(text, font), fill="black", font=font)
    sheet.save(folder / MISTAKES)
    return True


def _enlarge(image: np.ndarray) -> Image.Image:
    """Returns an image as a square of `_SIDE` pixels with its aspect ratio kept; its pixels stay visible."""
    pixels = image if image.shape[-1] in (3, 4) else image[..., 0]
    picture = Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")
    scale = _SIDE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    square = Image.new("RGB", (_SIDE, _SIDE), "#DDDDDD")
    picture = picture.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS)
    square.paste(picture, ((_SIDE - size[0]) // 2, (_SIDE - size[1]) // 2))
    return square


def _shorten(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Shortens a text until it fits under an image."""
    if font.getlength(text) <= _SIDE:
        return text
    while len(text) > 1 and font.getlength(f"{text}...") > _SIDE:
        text = text[:-1]
    return f"{text}..."
