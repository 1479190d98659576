"""The formats of an exported child.

Read `writing.py` first (all formats of one child, and their measurement). `saved_model.py` with `preprocessing.py`
(images of any size, and files), `keras_file.py` (stock Keras 3), `lite.py` (LiteRT) and `onnx_file.py` each write one;
`readers.py` loads what they have written, and `agreement.py` compares it with the child. `architecture_file.py` has the
network without its weights, `weights.py` reads them, and `loading.py` makes a Keras model of both again.
"""
