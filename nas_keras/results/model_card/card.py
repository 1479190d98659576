"""The text of a model card, MODEL_CARD.md, in the order of its reader's questions; `sections.py` writes its parts."""

import pathlib

from nas_keras.results.model_card import networks, pictures, sections
from nas_keras.results.model_card.accuracy import split_of
from nas_keras.results.model_card.facts import CardFacts
from nas_keras.results.model_card.markdown import escape

CARD = "MODEL_CARD.md"


def write_card(facts: CardFacts, folder: pathlib.Path) -> None:
    """Writes MODEL_CARD.md and its pictures into a folder."""
    notes = []
    cell = None if facts.members else facts.architecture.cell
    has_cell = cell is not None
    if cell is not None and (missing := pictures.draw_cell(cell, folder)):
        notes.append(missing)
        has_cell = False
    answers, names = facts.written.answers, facts.images.class_names
    has_mistakes = pictures.draw_mistakes(answers, split_of(facts.images, answers.split)[0], names, folder)
    parts = [
        f"# {escape(facts.title)}",
        sections.introduction(facts),
        f"![The cell]({pictures.CELL})" if has_cell else "",
        "## Use it",
        sections.usage(facts),
        "## Input and classes",
        sections.inputs(facts),
        "## Accuracy",
        sections.accuracies(facts),
        sections.confusions(facts),
        sections.mistakes(facts, pictures.MISTAKES) if has_mistakes else "",
        "## Formats",
        sections.formats(facts),
        "## Networks and training" if facts.members else "## Network and training",
        networks.members(facts) if facts.members else networks.training(facts),
        "## Data",
        sections.data(facts),
        "## Where it comes from",
        sections.origin(facts, notes),
        "## Limits of use",
        sections.limits(facts),
    ]
    (folder / CARD).write_text("\n\n".join(filter(None, parts)) + "\n")
