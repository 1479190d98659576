"""Images for training children: a train and a validation split, in memory or mapped, and a test split on demand.

Read `images.py` first (the type), then `pairs.py` (images with their labels, of which it consists), `arrays.py` and
`labels.py` (a user's arrays, converted exactly or rejected), `checks.py` (findings that make rewards less meaningful)
and `splits.py` (representative and stratified splits). A folder of image files: `folder.py` (classes, splits and
sizes), `folder_listing.py` (its files), `decoding.py` (one file), `folder_pixels.py` and `pixel_file.py` (all of them,
in memory or in one file). A data set of TensorFlow Datasets: `tfds.py`, `tfds_builders.py` and `tfds_pixels.py`.
`sources.py` loads the images of a run again. Scaling, shuffling and batching are left to `children`.
"""
