"""Tests of nas_keras/results/formats/agreement.py: made-up formats that answer as the child does, and others."""

import numpy as np
import pytest

from nas_keras.results.formats.agreement import DisagreementError, compare, predict_all

IMAGES = np.arange(600, dtype=np.uint8).reshape(600, 1, 1, 1)
LABELS = np.zeros(600, np.int32)
EXPECTED = np.tile(np.float32([0.6, 0.3, 0.1]), (600, 1))


def _answers(changes):
    """A format that answers as expected, but for changed probabilities of some images."""
    answers = EXPECTED.copy()
    for number, row in changes.items():
        answers[number] = row
    seen = iter(range(10**9))
    return lambda images: answers[[next(seen) % 600 for _ in images]]


def test_all_images_are_asked_in_batches():
    sizes = []

    def predict(images):
        sizes.append(len(images))
        return images[:, 0, 0] / np.float32(255)

    assert (predict_all(predict, IMAGES)[:, 0] == IMAGES[:, 0, 0, 0] / np.float32(255)).all()
    assert sizes == [256, 256, 88]


def test_what_is_measured_of_a_format_that_agrees():
    found = compare("f", _answers({7: [0.600004, 0.299996, 0.1]}), IMAGES, LABELS, EXPECTED, limit=1e-5)
    assert found.difference == pytest.approx(4e-6, rel=0.05) and found.accuracy == 1
    assert 0 < found.latency_1 < 1000 and 0 < found.latency_256 < 1000


@pytest.mark.parametrize(("row", "shown"), [([0.60002, 0.29998, 0.1], "2e-05"), ([float("nan")] * 3, "inf")])
def test_a_format_that_answers_otherwise_is_named(row, shown):
    with pytest.raises(DisagreementError) as error:
        compare("model.onnx", _answers({599: row}), IMAGES, LABELS, EXPECTED, limit=1e-5)
    assert str(error.value).startswith(
        f"model.onnx does not answer as the trained child does: a probability differs by {shown}, and at most 1e-05 is "
        "allowed. Nothing was exported."
    )


def test_the_accuracy_of_integers_may_change_by_a_fifth_of_a_point():
    wrong = {number: [0.1, 0.8, 0.1] for number in range(1)}  # of 600; 0.2 % are 1.2
    found = compare("int8", _answers(wrong), IMAGES, LABELS, EXPECTED, limit=None)
    assert found.difference == pytest.approx(0.5) and found.accuracy == pytest.approx(599 / 600)
    wrong[1] = [0.1, 0.8, 0.1]
    with pytest.raises(DisagreementError) as error:
        compare("int8", _answers(wrong), IMAGES, LABELS, EXPECTED, limit=None)
    assert str(error.value) == (
        "int8 classifies 598 of 600 images correctly and the trained child 600: their accuracies differ by 0.33 "
        "percentage points, and at most 0.2 (or one image) are allowed. Nothing was exported. Leave quantize out."
    )
