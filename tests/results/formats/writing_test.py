"""Tests of nas_keras/results/formats/: one tiny child in all formats, read by others without this package."""

import functools
import io
import json
import subprocess
import sys

import numpy as np
import pytest
from helpers import TINY_CHILD
from PIL import Image

import nas_keras as nk
from nas_keras._tensorflow import load_tensorflow
from nas_keras.children.build import build_child
from nas_keras.children.training import Split
from nas_keras.data import decoding
from nas_keras.results.formats import agreement, writing
from nas_keras.spaces import operations

NAMES = ("zero", "one", "größer", "d,e")
SHAPE = (12, 10, 3)
WRONG_SHAPES = [[12, 10, 3], [12, 10], [3], [], [0, 12, 10, 3], [2, 12, 10, 1], [1, 2, 12, 10, 3]]


def _child(cell, *, is_own=False, quantize=False, build=None):
    """A child with weights as after a training."""
    load_tensorflow()
    build = build or functools.partial(build_child, cell, TINY_CHILD, input_shape=SHAPE, num_classes=4)
    model, rng = build(), np.random.default_rng(0)
    model.set_weights(
        [
            rng.uniform(0.2, 1, w.shape) if w.ndim < 2 else rng.normal(0, 2 / np.sqrt(w[..., 0].size), w.shape)
            for w in model.get_weights()
        ]
    )
    return writing.ChildToWrite(model, build, NAMES, is_own, quantize)


def _split(count):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (count, 1, 1, 3)) * rng.random((count, *SHAPE[:2], 1))
    return Split(images.astype(np.uint8), rng.integers(4, size=count).astype(np.int32))


@pytest.fixture(scope="module", name="written")
def _written(tmp_path_factory):
    """(folder, formats, probabilities of the child, split)."""
    folder, split = tmp_path_factory.mktemp("formats"), _split(300)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agreement, "INT8_POINTS", 5)  # the child was never trained, and many answers are close
        formats, expected = writing.write_formats(
            _child(nk.cells.inception(), quantize=True), folder, train=split, measured_on=split
        )
    return folder, formats, expected, split


def test_every_format_is_written_and_agrees(written):
    folder, formats, expected, split = written
    assert [found.file for found in formats] == [
        "saved_model", "model.keras", "model.tflite", "model_int8.tflite", "model.onnx",
    ]  # fmt: skip
    assert sorted(path.name for path in folder.iterdir()) == sorted(found.file for found in formats)
    accuracy = float(np.float32((expected.argmax(-1) == split.labels).mean()))
    assert len(set(expected.argmax(-1))) > 1 and expected.max() > 0.5  # the child says something
    for found in formats:
        assert not found.omitted and found.num_bytes > 1_000 and found.agreement.latency_256 > 0
        if found.file == "model_int8.tflite":
            assert 1e-5 < found.agreement.difference < 0.2  # it is another arithmetic
        else:
            assert found.agreement.difference < 1e-5 and found.agreement.accuracy == accuracy


_BARE = """
import json, sys
import numpy as np, tensorflow as tf, keras, onnxruntime
from ai_edge_litert.interpreter import Interpreter
assert not any(name.startswith("nas_keras") for name in sys.modules) and keras.__version__.startswith("3.")
folder, images = sys.argv[1], np.load(f"{sys.argv[1]}/images.npy")
signatures = tf.saved_model.load(f"{folder}/saved_model").signatures
serve, files = signatures["serving_default"], signatures["serving_bytes"]
answer = serve(images=tf.constant(images))
found = {
    "saved_model": answer["probabilities"].numpy(),
    "model.keras": keras.models.load_model(f"{folder}/model.keras").predict(images, verbose=0),
    "model.onnx": onnxruntime.InferenceSession(f"{folder}/model.onnx").run(["probabilities"], {"images": images})[0],
}
for name in ("model.tflite", "model_int8.tflite"):
    found[name] = Interpreter(f"{folder}/{name}").get_signature_runner()(images=images)["probabilities"]
large = np.load(f"{folder}/large.npy")
found["large saved_model"] = serve(images=tf.constant(large))["probabilities"].numpy()
found["large model.keras"] = keras.models.load_model(f"{folder}/model.keras").predict(large, verbose=0)
encoded = [bytes.fromhex(text) for text in json.load(open(f"{folder}/encoded.json"))]
found["files"] = files(encoded=tf.constant(encoded))["probabilities"].numpy()
found["one file"] = files(encoded=tf.constant(encoded[0]))["probabilities"].numpy()
errors = []
for call, value in [
    *((serve, {"images": tf.zeros(shape, tf.uint8)}) for shape in json.loads(sys.argv[2])),
    (files, {"encoded": tf.constant([], tf.string)}),
    (files, {"encoded": tf.constant([["a"]])}),
    (files, {"encoded": tf.constant([encoded[0], b"GIF89a, which is none"])}),
]:
    try:
        errors.append(str(call(**value)))
    except tf.errors.InvalidArgumentError as error:
        errors.append(str(error))
np.savez(f"{folder}/found.npz", **found)
print(json.dumps({
    "classes": answer["class"].numpy().tolist(),
    "names": [name.decode() for name in answer["class_name"].numpy()],
    "logits": answer["logits"].shape.as_list(),
    "errors": errors,
}))
"""


def _encoded():
    """Images as files, and the pixels that `nk.Images.from_folder` makes of them."""
    rng = np.random.default_rng(2)
    smooth = np.asarray(Image.fromarray(rng.integers(0, 256, (6, 7, 3), np.uint8)).resize((70, 41)))
    picture = Image.fromarray(smooth)
    transparent = picture.copy()
    transparent.putalpha(Image.fromarray(rng.integers(0, 256, (41, 70), np.uint8)))
    kinds = [
        (picture, "PNG", {}), (picture.convert("L"), "PNG", {}), (picture.convert("1"), "PNG", {}),
        (picture.quantize(16), "PNG", {}), (picture.quantize(16), "PNG", {"transparency": 3}),
        (picture.quantize(99), "PNG", {}), (transparent, "PNG", {}), (transparent.convert("LA"), "PNG", {}),
        (Image.fromarray(rng.integers(0, 65_536, (41, 70)).astype(np.uint16)), "PNG", {}),
        (picture, "JPEG", {"quality": 80}), (picture.convert("L"), "JPEG", {}), (picture.resize((10, 12)), "PNG", {}),
        (picture, "JPEG", {"progressive": True, "subsampling": 0}),
    ]  # fmt: skip
    files = []
    for image, kind, settings in kinds:
        buffer = io.BytesIO()
        image.save(buffer, kind, **settings)
        files.append(buffer.getvalue())
    return files


@pytest.fixture(scope="module", name="answers")
def _answers(written, tmp_path_factory):
    """What a process without this package gets from the files; (probabilities by what was asked, the rest)."""
    folder, _, _, split = written
    np.save(folder / "images.npy", split.images)
    np.save(folder / "large.npy", np.random.default_rng(3).integers(0, 256, (3, 37, 23, 3), np.uint8))
    (folder / "encoded.json").write_text(json.dumps([file.hex() for file in _encoded()]))
    command = [sys.executable, "-I", "-c", _BARE, str(folder), json.dumps(WRONG_SHAPES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    with np.load(folder / "found.npz") as found:
        return dict(found), json.loads(done.stdout.splitlines()[-1])


def _on_pixels(written, images):
    """The probabilities of the child for images of its own size, by the SavedModel's Keras model in this process."""
    tf = load_tensorflow()
    child = _child(nk.cells.inception())
    return tf.nn.softmax(child.model.predict(np.stack(images), verbose=0)).numpy()


def test_the_files_answer_alike_in_a_process_without_this_package(written, answers):
    expected, (found, others) = written[2], answers
    for name, limit in (("saved_model", 1e-5), ("model.keras", 1e-5), ("model.onnx", 1e-5), ("model.tflite", 1e-4)):
        assert np.abs(found[name] - expected).max() < limit, name
    int8 = (found["model_int8.tflite"].argmax(-1) == expected.argmax(-1)).mean()
    assert int8 > 0.95
    assert others["classes"] == expected.argmax(-1).tolist() and others["logits"] == [300, 4]
    assert others["names"] == [NAMES[number] for number in others["classes"]]


def test_images_of_another_size_are_resized_as_images_from_files_are(written, answers):
    large = np.load(written[0] / "large.npy")
    expected = _on_pixels(written, [decoding.resize(image, SHAPE[:2]).numpy() for image in large])
    assert np.abs(answers[0]["large saved_model"] - expected).max() < 1e-6
    assert np.abs(answers[0]["large model.keras"] - expected).max() < 1e-5


def test_files_are_decoded_as_images_from_folders_are(written, answers, tmp_path):
    pixels = []
    for number, file in enumerate(_encoded()):
        (tmp_path / str(number)).write_bytes(file)
        pixels.append(decoding.decode(tmp_path / str(number), SHAPE[:2], 3, may_resize=True))
    found, expected = answers[0]["files"], _on_pixels(written, pixels)
    assert np.abs(found - expected).max() < 1e-6
    assert np.abs(answers[0]["one file"] - expected[:1]).max() < 1e-6


def test_what_cannot_be_answered_is_one_sentence_and_no_abort(answers):
    errors = answers[1]["errors"]
    for shape, error in zip(WRONG_SHAPES, errors, strict=False):
        assert (
            "The images must be uint8 [N, height, width, 3] with N of at least 1, and a single image needs a batch "
            f"axis too. Their shape is] [{' '.join(map(str, shape))}]" in error
        ), (shape, error)
    begins = "The files must be one string, or strings [N] with N of at least 1. Their shape is] "
    assert f"{begins}[0]" in errors[-3] and f"{begins}[1 1]" in errors[-2]
    assert "Every file must be a PNG or JPEG image. The others begin with] [GIF89a, ]" in errors[-1]


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_images_and_those_with_transparency_are_decoded_too(channels, tmp_path):
    tf = load_tensorflow()
    from nas_keras.results.formats.preprocessing import decode_files

    for number, file in enumerate(_encoded()):
        (tmp_path / str(number)).write_bytes(file)
        found = decode_files(tf.constant(file), (41, 70, channels)).numpy()[0]
        with Image.open(io.BytesIO(file)) as image:
            if image.size != (70, 41):
                continue
            if channels == 1:
                expected = decoding.decode(tmp_path / str(number), (41, 70), 1, may_resize=False)
            elif image.mode.startswith("I"):
                continue
            else:
                expected = np.asarray(image.convert("RGBA"))
        assert np.array_equal(found, expected), number


def _relu6(keras, x, filters):
    tf = load_tensorflow()
    return keras.layers.Activation("linear")(tf.nn.relu6(x))  # not a layer of the Keras it is given


def _scaled(keras, x, filters):
    class Scale(keras.layers.Layer):
        def call(self, inputs):
            return 2.0 * inputs

    return Scale()(x)


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (_relu6, "it cannot be built with Keras 3: Operation 'own' cannot be built: "),
        (_scaled, "its layer Scale of tests.results.formats.writing_test is not part of stock"),
    ],
)
def test_an_operation_of_the_users_that_keras_3_cannot_save_is_left_out_with_the_reason(
    build, reason, tmp_path, monkeypatch
):
    monkeypatch.setattr(operations, "_BUILDERS", dict(operations._BUILDERS))
    monkeypatch.setattr(operations, "_CODE", {})
    monkeypatch.setattr(writing, "FILES", ("model.keras",))
    nk.register_operation("own", build)
    child, split = _child(nk.Cell.chain("own", "conv_3x3"), is_own=True), _split(8)
    (found,), _ = writing.write_formats(child, tmp_path, train=split, measured_on=split)
    assert found.omitted.startswith(reason) and found.agreement is None and not list(tmp_path.iterdir())


def test_an_operation_of_the_users_that_is_made_of_keras_layers_is_in_every_format(tmp_path, monkeypatch):
    monkeypatch.setattr(operations, "_BUILDERS", dict(operations._BUILDERS))
    monkeypatch.setattr(operations, "_CODE", {})
    monkeypatch.setattr(writing, "FILES", ("model.keras",))
    nk.register_operation("own", lambda keras, x, filters: keras.layers.Conv2D(filters, 1, activation="elu")(x))
    child, split = _child(nk.Cell.chain("own"), is_own=True), _split(8)
    (found,), _ = writing.write_formats(child, tmp_path, train=split, measured_on=split)
    assert not found.omitted and found.agreement.difference < 1e-5


def test_a_format_that_cannot_be_written_is_named_and_an_extra_that_is_missing_too(tmp_path, monkeypatch):
    def fail(model):
        raise ValueError("no such\noperation")

    monkeypatch.setattr(writing, "convert_onnx", fail)
    child = _child(nk.cells.vgg())
    path, images = tmp_path / "model.onnx", _split(2).images
    with pytest.raises(writing.ExportError) as error:
        writing._write(child, "model.onnx", path, images)
    assert str(error.value) == "The child cannot be written as model.onnx: no such operation"
    monkeypatch.setattr(writing, "is_installed", lambda: False)
    assert writing._write(child, "model.onnx", path, images) == (
        "it needs the extra [onnx]: pip install 'nas_keras[onnx]'"
    )
