"""Images for training children: a train and a validation split in memory, and a test split on demand.

Read `images.py` first (the type), then `arrays.py` (a user's arrays, converted exactly or rejected), `checks.py`
(findings that make rewards less meaningful), `splits.py` (representative and stratified splits), `tfds.py` and
`tfds_builders.py` (a data set of TensorFlow Datasets by its name). Scaling, shuffling and batching are left to
`children`.
"""
