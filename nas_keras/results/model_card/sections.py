"""The sections of a model card; each function returns the markdown of one, from the facts."""

import math
from collections.abc import Sequence

import numpy as np

from nas_keras.children.caveats import guessing_accuracy
from nas_keras.results.formats.writing import KERAS, LITE, ONNX, SAVED_MODEL
from nas_keras.results.model_card.accuracy import split_of, wilson_interval
from nas_keras.results.model_card.facts import CardFacts, environment, licence_of
from nas_keras.results.model_card.markdown import code, escape, make_table

_MOST_CLASSES = 20  # whose confusion matrix is shown
_MOST_NAMED = 100  # classes that are listed
_MOST_CONFUSIONS = 10
_RESIZING = "bilinear with antialiasing, `tf.image.resize(antialias=True)`, rounded; the aspect ratio is not kept"

_USAGE = {
    SAVED_MODEL: """import tensorflow as tf

serve = tf.saved_model.load("{file}").signatures
answer = serve["serving_default"](images=images)  # uint8 [N, any height, any width, {channels}]
answer["class_name"], answer["probabilities"]""",
    KERAS: """import keras  # Keras 3

model = keras.models.load_model("{file}")
probabilities = model.predict(images)  # [N, any height, any width, {channels}], values from 0 to 255""",
    LITE: """from ai_edge_litert.interpreter import Interpreter

answer = Interpreter("{file}").get_signature_runner()(images=images)  # uint8 [N, {height}, {width}, {channels}]
answer["probabilities"]""",
    ONNX: """import onnxruntime

session = onnxruntime.InferenceSession("{file}")
(probabilities,) = session.run(["probabilities"], {{"images": images}})  # uint8 [N, {height}, {width}, {channels}]""",
}
_FILES = """answer = serve["serving_bytes"](encoded=tf.constant(open("image.png", "rb").read()))  # PNG or JPEG"""


def introduction(facts: CardFacts) -> str:
    """What it is, in two sentences."""
    images, written = facts.images, facts.written
    how_good = f"validation accuracy {written.valid_accuracy:.2%}; there was no test split"
    if written.test_accuracy is not None:
        how_good = f"test accuracy {written.test_accuracy:.2%}"
    subject, found = f"A convolutional network with {written.num_params:,} parameters", "It was"
    if facts.members:
        count = len(facts.members)
        subject = f"An ensemble of {count} convolutional networks with {written.num_params:,} parameters in all"
        found = "They were"
    origin = f" {found} found by a search with nas_keras ({facts.search['Strategy']})." if facts.search else ""
    return (
        f"{subject} that sorts images of {escape(images.name)} into {images.num_classes:,} classes: {how_good}.{origin}"
    )


def usage(facts: CardFacts) -> str:
    """A program for each format that was written."""
    height, width, channels = facts.architecture.input_shape
    programs = []
    for written in facts.written.formats:
        if written.omitted or written.file not in _USAGE:
            continue
        text = _USAGE[written.file].format(file=written.file, height=height, width=width, channels=channels)
        if written.file == SAVED_MODEL and channels in (1, 3, 4):
            text += f"\n{_FILES}"
        programs.append(f"```python\n{text}\n```")
    return "\n\n".join(programs)


def inputs(facts: CardFacts) -> str:
    """Shape, values and resizing of the input, and the names of the classes."""
    height, width, channels = facts.architecture.input_shape
    kind = {1: "grey", 3: "RGB"}.get(channels, f"with {channels} channels")
    were_resized = facts.images.source.get("image_size") is not None
    origin = (
        "as the training images were"
        if were_resized
        else "as `nk.Images.from_folder` does, since the training images never were"
    )
    names = ", ".join(map(escape, facts.images.class_names[:_MOST_NAMED]))
    more = facts.images.num_classes - _MOST_NAMED
    return (
        f"Images are {kind}, with values from 0 to 255 as they are in files, {height} pixels high and {width} wide. "
        f"`saved_model` and `model.keras` take other sizes too and resize them {origin}: {_RESIZING}. The others take "
        f"this size only.\n\nThe classes, in the order of the probabilities: {names}"
        f"{f', and {more:,} more (architecture.json has all)' if more > 0 else ''}."
    )


def accuracies(facts: CardFacts) -> str:
    """Accuracies with their intervals, beside guessing."""
    written, images = facts.written, facts.images
    rows = []
    for split, accuracy in (("validation", written.valid_accuracy), ("test", written.test_accuracy)):
        if accuracy is None:
            rows.append([split, "–", "–", "–", "–"])
            continue
        labels = split_of(images, split)[1]
        low, high = wilson_interval(accuracy, len(labels))
        guess = guessing_accuracy(labels, images.num_classes)
        rows.append([split, f"{len(labels):,}", f"{accuracy:.2%}", f"{low:.2%} to {high:.2%}", f"{guess:.2%}"])
    table = make_table(["split ", "images", "accuracy", "95 % interval", "guessing"], rows)
    text = f"{table}\n\nThe intervals are Wilson's, for drawing other images; another training seed adds to them."
    if written.test_accuracy is None:
        text += (
            " There was no usable test split. The validation accuracy is that by which the cell was chosen, so it is "
            "too high for new images."
        )
    return text


def confusions(facts: CardFacts) -> str:
    """The confusion matrix, or of many classes the most frequent confusions."""
    answers, names = facts.written.answers, [escape(name) for name in facts.images.class_names]
    matrix = answers.confusion
    if len(names) <= _MOST_CLASSES:
        rows = [
            [f"**{name}**", *(f"{count:,}" if count else "" for count in row)]
            for name, row in zip(names, matrix, strict=True)
        ]
        table = make_table(["class ", *names], rows)
        return f"Images of the {answers.split} split by class (rows) and answer (columns):\n\n{table}"
    wrong = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MOST_CONFUSIONS]
    pairs = [divmod(int(place), len(names)) for place in order]
    rows = [
        [names[label], names[answer], f"{wrong[label, answer]:,}"] for label, answer in pairs if wrong[label, answer]
    ]
    table = make_table(["class ", "answer ", "images"], rows)
    return f"The most frequent mistakes on the {answers.split} split:\n\n{table}"


def mistakes(facts: CardFacts, picture: str) -> str:
    """The picture of the most confident mistakes."""
    answers = facts.written.answers
    return (
        f"The mistakes on the {answers.split} split of which it is most certain:\n\n"
        f"![The most confident mistakes]({picture})"
    )


def formats(facts: CardFacts) -> str:
    """Size, agreement and latency of each format, and why others were left out."""
    answers = facts.written.answers
    rows, omitted = [], []
    for written in facts.written.formats:
        agreement = written.agreement
        if agreement is None:
            omitted.append(f"- `{written.file}` was left out: {escape(written.omitted)}.")
            continue
        rows.append(
            [
                f"`{written.file}`",
                f"{written.num_bytes / 1000:,.0f}",
                f"{agreement.difference:.1e}",
                f"{agreement.accuracy:.2%}",
                f"{agreement.latency_1:.2f}",
                "–" if math.isnan(agreement.latency_256) else f"{agreement.latency_256:.1f}",
            ]
        )
    header = ["file ", "kB", "largest difference", "accuracy", "ms for 1 image", "ms for 256 images"]
    return "\n\n".join(
        filter(
            None,
            [
                make_table(header, rows),
                "The difference is that of a probability from the trained child's, over the whole "
                f"{answers.split} split; the accuracy is on that split. The times are medians with one "
                f"thread, on {escape(environment()['machine'])}.",
                "\n".join(omitted),
            ],
        )
    )


def data(facts: CardFacts) -> str:
    """Data set, splits, digest and licence."""
    images = facts.images
    splits = f"{len(images.train_labels):,} images to train, {len(images.valid_labels):,} to validate"
    if facts.written.test_accuracy is not None:
        splits += f", {len(images.test()[1]):,} to test"
    name = f"{images.name} {images.source.get('version', '')}".strip()
    return (
        f"{escape(name)}: {splits}. The digest of the first two is {code(images.digest[:16])}. "
        f"Licence: {licence_of(images)}."
    )


def origin(facts: CardFacts, notes: Sequence[str]) -> str:
    """The search and the versions."""
    versions = ", ".join(f"{name} {version}" for name, version in environment()["versions"].items())
    rows = [[name, escape(text)] for name, text in facts.search.items()] + [["Versions", escape(versions)]]
    table = make_table(["what ", "value "], rows)
    return "\n\n".join([table, *(f"Not drawn: {escape(note)}." for note in notes)])


def limits(facts: CardFacts) -> str:
    """For what it should not be used."""
    lines = [
        f"- It answers every image with one of its {facts.images.num_classes:,} classes, also one that shows none of "
        "them, and a high probability is no proof that it is right.",
        "- Its accuracy holds for images like those of the data set: made, cropped and scaled in the same way.",
        "- `serving_bytes` does not apply the orientation in a photo's EXIF data: turn such a photo upright first.",
    ]
    if facts.architecture.input_shape[2] == 1:
        lines.append(
            "- `model.keras` needs the batch axis: Keras takes an image [height, width, 1] without it for a batch of "
            "images one pixel wide, and answers. `saved_model` refuses it."
        )
    if facts.written.test_accuracy is None:
        lines.append("- It was never tested on images that had no part in choosing it.")
    return "\n".join(lines)
