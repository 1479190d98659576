"""nas_keras: convolutional networks designed by reinforcement learning, in TensorFlow.

    import nas_keras as nk

    space = nk.spaces.small()
    with nk.TrainingEvaluator(nk.load_images("mnist", data_dir="testdata")) as evaluator:
        result = nk.search(space, evaluator, strategy="ppo", max_evaluations=24, workdir="runs/mnist")
    print(result.best)

Spaces, cells, keys and configurations import no TensorFlow; the other names bring it in when they are first used
(PEP 562). The names below are the public API; everything else may change.
"""

import importlib

from nas_keras import _tensorflow
from nas_keras.system import descriptors

descriptors.open_standard_streams()
_tensorflow.prefer_legacy_keras()

from nas_keras import spaces, strategies  # noqa: E402  (the choice of Keras comes first)
from nas_keras._version import __version__ as __version__  # noqa: E402
from nas_keras.children.build import ChildConfig, build_child  # noqa: E402
from nas_keras.children.train_config import TrainConfig  # noqa: E402
from nas_keras.errors import DataError, InvalidValueError, NasKerasError, StopSearch  # noqa: E402
from nas_keras.evaluators.base import Evaluator  # noqa: E402
from nas_keras.evaluators.function import FunctionEvaluator  # noqa: E402
from nas_keras.evaluators.limits import Limits  # noqa: E402
from nas_keras.spaces import human_cells as cells  # noqa: E402  (the choice of Keras comes first)
from nas_keras.spaces.cell import Cell  # noqa: E402
from nas_keras.spaces.operations import OPERATIONS  # noqa: E402
from nas_keras.spaces.operations import register as register_operation  # noqa: E402
from nas_keras.spaces.search_space import Decision, SearchSpace  # noqa: E402
from nas_keras.strategies.ppo.config import PPOConfig  # noqa: E402
from nas_keras.system.user_files import import_file  # noqa: E402
from nas_keras.trial import Evaluation, Job, Proposals, Trial  # noqa: E402

_LAZY = {  # name -> module; these import TensorFlow, or make it be imported
    "Images": "data.images",
    "load_images": "data.tfds",
    "SuggestedConfigs": "children.defaults",
    "TrainingEvaluator": "evaluators.training",
    "TableEvaluator": "evaluators.table",
    "SearchResult": "runner.result",
    "search": "runner.search",
    "suggest_configs": "children.defaults",
    "top_trials": "runner.result",
    "export_best": "results.export",
    "load_model": "results.formats.loading",
    "load_run": "results.runs",
    "pareto": "results.pareto",
    "plot_cell": "spaces.cell_plot",
    "plot_policy": "reports.plots.run_plots",
    "plot_run": "reports.plots.run_plots",
}

__all__ = [
    "Cell",
    "ChildConfig",
    "DataError",
    "Decision",
    "Evaluation",
    "Evaluator",
    "FunctionEvaluator",
    "InvalidValueError",
    "Job",
    "Limits",
    "NasKerasError",
    "OPERATIONS",
    "PPOConfig",
    "Proposals",
    "SearchSpace",
    "StopSearch",
    "TrainConfig",
    "Trial",
    "build_child",
    "cells",
    "import_file",
    "register_operation",
    "spaces",
    "strategies",
    *_LAZY,
]


def __getattr__(name: str):
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
