"""Search spaces: the architectures that can be built, as lists of categorical decisions. No module imports TensorFlow.

Read `search_space.py` first (decisions, encodings, keys), then `cell.py` (the tree of operations, its canonical form
and key), `cell_text.py` (a cell as text) and `cell_plot.py` (its picture), `families.py` (the small and the large
space), `operations.py` (name -> builder) and `variables.py` (which weights a builder may use), `human_cells.py` (VGG,
Inception and ResNet as cells), `cell_names.py` (cells named on a command line), `architecture_names.py` (names for
people), `description.py` (a space as JSON), `description_difference.py` and `rebuilding.py` (descriptions compared, and
turned into a space again). Building a Keras model from a cell is left to `children`.
"""

from nas_keras.spaces.families import MAX_NODES, by_name, large, small

__all__ = ["MAX_NODES", "by_name", "large", "small"]
