"""Loads the files of an export back, each by the runtime for which it was written, as functions of images.

Only files that this process, or a worker of it, has just written are loaded here: a Keras model or a SavedModel from
elsewhere may hold code.
"""

import pathlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from nas_keras._tensorflow import tf
from nas_keras.results.formats.keras_file import load_keras

Predict = Callable[[np.ndarray], np.ndarray]  # images uint8 [N, H, W, C] -> probabilities float32 [N, num_classes]


def read_saved_model(path: pathlib.Path) -> Predict:
    """Loads a SavedModel."""
    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    return lambda images: serve(images=tf.constant(images))["probabilities"].numpy()


def read_keras(path: pathlib.Path) -> Predict:
    """Loads a .keras file with Keras 3."""
    keras = load_keras()
    model = keras.models.load_model(path, compile=False)
    call = tf.function(lambda images: model(images, training=False), reduce_retracing=True)
    return lambda images: call(tf.constant(images)).numpy()


def read_lite(path: pathlib.Path) -> Predict:
    """Loads a .tflite file; one thread runs it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's interpreter is LiteRT's, which it recommends
        interpreter = tf.lite.Interpreter(str(path), num_threads=1)
    runner = interpreter.get_signature_runner()
    return lambda images: runner(images=images)["probabilities"]


def read_onnx(path: pathlib.Path) -> Predict:
    """Loads an .onnx file; one thread runs it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: session.run(["probabilities"], {name: images})[0]


def predict_child(model: Any) -> Predict:
    """Returns the probabilities of the trained child itself, with which the formats are compared."""
    call = tf.function(lambda images: tf.nn.softmax(model(images, training=False)), reduce_retracing=True)
    return lambda images: call(tf.constant(images)).numpy()
