"""The package: `pip install .`, with extras. The exact versions known to work together stand in requirements.txt."""

import pathlib
import re

import setuptools

_ROOT = pathlib.Path(__file__).parent
_VERSION = re.search(r'__version__ = "(.+)"', (_ROOT / "nas_keras" / "_version.py").read_text())[1]

setuptools.setup(
    name="nas_keras",
    version=_VERSION,
    description="Convolutional networks designed by reinforcement learning, in TensorFlow.",
    long_description=(_ROOT / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=setuptools.find_packages(include=["nas_keras", "nas_keras.*"]),
    package_data={"nas_keras": ["py.typed"]},  # the mark that the package's own annotations are to be used
    python_requires=">=3.10,<3.12",  # TF-Agents 0.19 pins pygame 2.1.3, which has no wheel for a newer one
    install_requires=[
        "tensorflow==2.21.*",
        "tf-keras==2.21.*",  # Keras 2, which TF-Agents and TensorFlow Probability need
        "tf-agents==0.19.*",  # PPO's losses
        "tensorflow-probability==0.23.*",  # the policy's distributions; TF-Agents takes this one
        "tensorflow-datasets==4.9.*",
        "numpy>=1.24,<2",
        "absl-py",
        "cloudpickle",  # a user's operations, defined anywhere, travel to the worker processes
        "google-crc32c",  # the checksum in TFRecord files, which are read by ourselves
        "pillow",  # decodes a user's image files; TF-Agents brings it too
        "tqdm",  # the progress bar of precompute_rewards
        "tensorboard==2.21.*",  # TensorFlow does not bring it, and tf.summary fails without
        "importlib_resources",  # tensorflow-datasets needs it and does not say so
    ],
    extras_require={
        "gpu": ["tensorflow[and-cuda]==2.21.*"],
        # Pages of results: pictures, drawings of cells, statistics with ties and intervals.
        "report": ["matplotlib", "networkx", "scipy"],
        # xdist: test files on both cores; scikit-learn: the Gaussian process is compared with its own.
        "test": ["pytest", "pytest-xdist", "ruff", "scikit-learn", "wheel"],
    },
)
