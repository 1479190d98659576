"""The images that children are trained on: a train and a validation split, and a test split on demand.

Read `images.py` first (the type), then `arrays.py` (a user's arrays, converted exactly or refused), `checks.py` (what
makes rewards on a data set mean less), `splits.py` (where a set is cut), `tfds.py` and `tfds_builders.py` (a TensorFlow
Datasets set by its name). Scaling, shuffling and batching are left to `children`.
"""
