"""The package: `pip install .`, with extras. The exact versions known to work together stand in requirements.txt.

An installed package holds launch/ and the data of testdata/ in its own folder, side by side as in the repository.
"""

import pathlib
import re

import setuptools

_ROOT = pathlib.Path(__file__).parent
# Console command -> script in launch/; a test checks that every script has its command.
_COMMANDS = {
    "nas-search": "search",
    "nas-export": "export_best",
    "nas-report": "report",
    "nas-compare": "compare_strategies",
    "nas-precompute": "precompute_rewards",
    "nas-train": "train_child",
    "nas-benchmark": "benchmark",
    "nas-repair": "repair",
    "nas-show": "show",
    "nas-optuna": "to_optuna",
    "nas-check": "check_reward",
}
_DATA = ["mnist/3.0.1", "rewards/mnist_small", "rewards/mnist_large3"]  # folders of testdata/ that a first run needs
_PACKAGES = setuptools.find_packages(include=["nas_keras", "nas_keras.*"])
_VERSION = re.search(r'__version__ = "(.+)"', (_ROOT / "nas_keras" / "_version.py").read_text())[1]

setuptools.setup(
    name="nas_keras",
    version=_VERSION,
    description="Convolutional networks designed by reinforcement learning, in TensorFlow.",
    long_description=(_ROOT / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=[*_PACKAGES, "nas_keras.launch", "nas_keras.testdata"],
    package_dir={"nas_keras": "nas_keras", "nas_keras.launch": "launch", "nas_keras.testdata": "testdata"},
    package_data={
        "nas_keras": ["py.typed"],  # the mark that the package's own annotations are to be used
        "nas_keras.reports": ["templates/*"],
        "nas_keras.testdata": ["README.md", *(f"{folder}/*" for folder in _DATA)],
    },
    entry_points={
        "console_scripts": [f"{name} = nas_keras._launch.commands:{script}" for name, script in _COMMANDS.items()]
    },
    python_requires=">=3.11,<3.14",  # the versions that requirements.txt has pins for
    install_requires=[
        "tensorflow==2.21.*",
        "tf-keras==2.21.*",  # Keras 2, which TF-Agents and TensorFlow Probability need
        # PPO's losses. TF-Agents pins pygame 2.1.3, which has no wheel for Python 3.12; without it, PPO says so.
        "tf-agents==0.19.*; python_version < '3.12'",
        # The policy's distributions. TF-Agents pins 0.23, which does not support Python 3.12.
        "tensorflow-probability==0.23.*; python_version < '3.12'",
        "tensorflow-probability==0.25.*; python_version >= '3.12'",
        "setuptools; python_version >= '3.12'",  # TF-Agents imports `distutils`, which left Python and lives on in it
        "tensorflow-datasets==4.9.*",
        "numpy>=1.26,<2; python_version < '3.12'",  # TensorFlow Probability 0.23 needs NumPy 1
        "numpy>=2,<3; python_version >= '3.12'",
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
        # Pages of results: pictures, drawings of cells, statistics with ties and intervals; templates, charts.
        "report": ["matplotlib", "networkx", "scipy", "jinja2", "bokeh"],
        "pandas": ["pandas"],  # nk.load_run(...).to_dataframe()
        "optuna": ["optuna"],  # the trials as a study
        # The export to ONNX: the converter, and the runtime with which its file is compared with the child. On 3.11
        # a newer onnx needs a newer typing-extensions than TF-Agents allows.
        "onnx": ["tf2onnx", "onnx==1.17.*; python_version < '3.12'", "onnx; python_version >= '3.12'", "onnxruntime"],
        # xdist: test files on both cores; scikit-learn: the Gaussian process is compared with its own.
        # playwright: pages in a real browser; optuna-dashboard: its server shows an exported study.
        # ai-edge-litert: LiteRT itself reads the exported .tflite files. nbclient and ipykernel run the notebook.
        "test": [
            "ai-edge-litert",
            "ipykernel",
            "nbclient",
            "optuna-dashboard",
            "playwright",
            "pytest",
            "pytest-xdist",
            "ruff",
            "scikit-learn",
            "wheel",
        ],
    },
)
