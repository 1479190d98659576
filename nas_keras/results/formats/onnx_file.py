"""Converts a child to ONNX; needs the extra `[onnx]`.

The file maps `images`, uint8 [N, H, W, C], to `probabilities` and `logits`, float32 [N, num_classes], for any N.
"""

import importlib.util
import logging
from typing import Any

from nas_keras._tensorflow import tf
from nas_keras.results.formats.lite import serving_function

OPSET = 17  # of ONNX 1.12 (2022), which every maintained runtime knows
EXTRA = "it needs the extra [onnx]: pip install 'nas_keras[onnx]'"


def is_installed() -> bool:
    """Returns whether the libraries that convert to ONNX and run the result are installed."""
    return all(importlib.util.find_spec(name) for name in ("tf2onnx", "onnxruntime"))


def convert_onnx(model: Any) -> bytes:
    """Converts a child; returns the content of an .onnx file."""
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)  # it reports each optimization
    signature = [tf.TensorSpec(model.input_shape, tf.uint8, name="images")]
    converted, _ = tf2onnx.convert.from_function(serving_function(model), input_signature=signature, opset=OPSET)
    return converted.SerializeToString()
