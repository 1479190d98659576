"""Tests of nas_keras/results/model_card/: the cards of made-up children."""

import dataclasses
import xml.etree.ElementTree

import numpy as np
import pytest
from helpers import tiny_images
from PIL import Image

import nas_keras as nk
from nas_keras.results.formats.agreement import Agreement
from nas_keras.results.formats.architecture_file import Architecture
from nas_keras.results.formats.writing import WrittenFormat
from nas_keras.results.model_card import pictures
from nas_keras.results.model_card.accuracy import Answers
from nas_keras.results.model_card.card import write_card
from nas_keras.results.model_card.facts import CardFacts, Member, Written


def _facts(*, test=True, classes=4, names=None):
    images = tiny_images(classes=classes, test=test)
    if names:
        images = dataclasses.replace(images, class_names=names)
    split, labels = ("test", images.test()[1]) if test else ("validation", images.valid_labels)
    answered = np.eye(classes, dtype=np.float32)[(labels + (np.arange(len(labels)) % 10 == 0)) % classes]
    architecture = Architecture(
        nk.cells.vgg(), {}, nk.ChildConfig(), nk.TrainConfig(), 5, images.image_shape, tuple(images.class_names)
    )
    formats = [
        WrittenFormat("saved_model", num_bytes=123_456, agreement=Agreement(3e-7, 0.9, 1.5, 20.25)),
        WrittenFormat("model.keras", omitted="its layer Mine of my_file is not part of stock Keras"),
    ]
    written = Written(0.91, 0.9 if test else None, 4_321, 1e6, formats, Answers.of(split, answered, labels))
    search = {"Search": "40 trials", "Strategy": "ppo, seed 0", "Digest of D": "f14b1d5a0b1e0340"}
    return CardFacts("conv_3x3[conv_3x3]", architecture, images, written, search)


def _card(facts, folder):
    write_card(facts, folder)
    return (folder / "MODEL_CARD.md").read_text()


def test_the_card_of_a_tested_child(tmp_path):
    card = _card(_facts(), tmp_path)
    assert card.startswith(
        "# conv_3x3\\[conv_3x3\\]\n\nA convolutional network with 4,321 parameters that sorts images"
    )
    assert "test accuracy 90.00%. It was found by a search with nas_keras (ppo, seed 0)." in card
    assert "| validation | 128 | 91.00% | 84.78% to 94.83% |" in card
    assert "| test | 100 | 90.00% | 82.56% to 94.48% |" in card  # as binomtest(90, 100).proportion_ci says
    assert "| `saved_model` | 123 | 3.0e-07 | 90.00% | 1.50 | 20.2 |" in card
    assert "- `model.keras` was left out: its layer Mine of my_file is not part of stock Keras." in card
    assert 'keras.models.load_model("model.keras")' not in card  # it is not there
    for text in ("filters 16", "epochs 1", "| seed | 5 |", "f14b1d5a0b1e0340", "tensorflow 2.", "not known to nas"):
        assert text in card, text
    assert "never tested" not in card
    assert xml.etree.ElementTree.parse(tmp_path / "cell.svg").getroot().tag.endswith("svg")
    with Image.open(tmp_path / "mistakes.png") as picture:
        assert picture.size == (5 * 152 + 12, 2 * 204 + 12)  # ten mistakes in two rows


def test_the_card_of_an_ensemble_lists_its_members(tmp_path):
    facts = _facts()
    members = (
        Member(1, "conv_3x3", 1_234, 0.91, 0.9, facts.architecture),
        Member(2, "add(conv_3x3,identity)", 3_087, 0.89, None, dataclasses.replace(facts.architecture, seed=6)),
    )
    card = _card(dataclasses.replace(facts, title="Ensemble of the 2 best children", members=members), tmp_path)
    assert "An ensemble of 2 convolutional networks with 4,321 parameters in all that sorts images of" in card
    assert "They were found by a search" in card and "## Networks and training" in card
    assert "| 1 | `conv_3x3` | 1,234 | 91.00% | 90.00% | 5 |" in card
    assert "| 2 | `add(conv_3x3,identity)` | 3,087 | 89.00% | – | 6 |" in card
    assert "1,000,000 FLOPs for one image" in card and "around each cell: filters 16" in card
    assert not (tmp_path / "cell.svg").exists() and "cell.svg" not in card


def test_the_card_of_a_child_without_a_test_split(tmp_path):
    card = _card(_facts(test=False), tmp_path)
    assert "validation accuracy 91.00%; there was no test split." in card
    assert "| test | – | – | – | – |" in card and "too high for new images" in card
    assert "Images of the validation split by class" in card and "It was never tested on images" in card


def test_names_of_classes_stay_names(tmp_path):
    card = _card(_facts(names=("a|b", "<script>", "*c*", "d")), tmp_path)
    assert "a\\|b, &lt;script>".replace(">", "\\>") in card and "<script>" not in card


def test_of_many_classes_the_confusions_are_listed(tmp_path):
    card = _card(_facts(classes=30), tmp_path)
    assert "The most frequent mistakes on the test split:" in card and "| class | answer | images |" in card


def test_no_mistakes_and_no_library_for_drawing(tmp_path, monkeypatch):
    facts = _facts()
    labels = facts.images.test()[1]
    perfect = dataclasses.replace(
        facts.written, answers=Answers.of("test", np.eye(4, dtype=np.float32)[labels], labels)
    )
    monkeypatch.setattr(pictures.importlib.util, "find_spec", lambda name: None)
    card = _card(dataclasses.replace(facts, written=perfect, search={}), tmp_path)
    assert "mistakes.png" not in card and "cell.svg" not in card and "found by a search" not in card
    assert "Not drawn: the picture of the cell needs matplotlib and networkx: pip install" in card
    assert [path.name for path in tmp_path.iterdir()] == ["MODEL_CARD.md"]


@pytest.mark.parametrize("shape", [(5, 400, 1), (12, 12, 3), (300, 200, 4), (8, 8, 2), (1, 1, 1)])
def test_images_of_every_kind_are_drawn_whole(shape):
    picture = pictures._enlarge(np.full(shape, 255, np.uint8))
    assert picture.size == (140, 140) and picture.getpixel((70, 70)) == (255, 255, 255)
