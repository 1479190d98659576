"""Trains the best children of a search longer, tests each once, and writes each in all formats, with a card.

python launch/export_best.py --workdir=runs/mnist --top=3
"""

import os
from typing import Any

from absl import flags

import nas_keras as nk
from nas_keras._launch import script
from nas_keras._launch.final_flags import FinalSettingsFlags
from nas_keras._launch.flag_checks import check_given
from nas_keras._launch.image_flags import ImageFlags
from nas_keras._launch.user_code import BuildFlags, ImportFlags
from nas_keras._launch.worker_flags import WorkerFlags
from nas_keras.errors import check_at_least
from nas_keras.results.export_folder import ExportedChild
from nas_keras.results.exportable_run import open_exportable_run
from nas_keras.storage.sources import open_run

_IMPORT = ImportFlags()
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run, whose search must not be running. Required.")
_TOP = flags.DEFINE_integer("top", 1, "Number of children, the best first.")
_ENSEMBLE = flags.DEFINE_integer(
    "ensemble",
    None,
    "Number of best children, at least 2, that are exported as one model too, which answers with the mean of their "
    "probabilities. Default: no such model.",
)
_EPOCHS = flags.DEFINE_integer(
    "epochs",
    None,
    "Epochs of the longer training. Default: those of --final_recipe, or else 10, or three times those of the search "
    "if that is more.",
)
_FINAL = FinalSettingsFlags()
_IMAGES = ImageFlags(__file__, "where the search had it, or the copy of MNIST that comes along", folder=True)
_BUILD = BuildFlags(
    "Function of a file of --import that built the children. Default: the one with the code of the run."
)
_WORKERS = WorkerFlags(timeout=False)
_QUANTIZE = flags.DEFINE_boolean(
    "quantize", False, "Write a .tflite file of 8-bit integers too, whose ranges training images give."
)
_QUIET = flags.DEFINE_boolean("quiet", False, "Show no progress while children are trained.")


def main() -> None:
    """Exports the children and prints a line for each."""
    _IMPORT.load()
    check_given("workdir", "the folder of a search", "runs/mnist")
    check_at_least("top", _TOP.value, 1)
    if _ENSEMBLE.value is not None:
        check_at_least("ensemble", _ENSEMBLE.value, 2)
    _FINAL.settings(_EPOCHS.value)
    _WORKERS.check()
    _IMAGES.check()
    build = _BUILD.function_of(open_run("workdir", _WORKDIR.value).recipe)
    config = open_exportable_run(_WORKDIR.value, images=None, space=None, build=build).source.config
    exported = nk.export_best(
        _WORKDIR.value,
        top=_TOP.value,
        ensemble=_ENSEMBLE.value,
        epochs=_EPOCHS.value,
        images=_images(config),
        build=build,
        workers=_WORKERS.workers,
        quantize=_QUANTIZE.value,
        progress=not _QUIET.value,
        **_FINAL.arguments,
    )
    for found in exported:
        number = f"{found.rank}. " if isinstance(found, ExportedChild) else ""
        print(f"{number}{found.title}: {found.summary}  {os.path.join(_WORKDIR.value, found.path)}")
        print(f"   {found.comparison}")


def _images(config: dict[str, Any]) -> nk.Images | None:
    """Loads the images of a run of a table, or as the flags say; `export_best` itself finds those of other runs."""
    source = config.get("source")
    is_of_table = isinstance(source, dict) and "table" in source
    is_told = any(flags.FLAGS[name].present for name in ("data_dir", "images", "memory_limit"))
    return _IMAGES.images_of_run(config) if is_of_table or is_told else None


if __name__ == "__main__":
    script.run(main, interrupted=script.TRAINING_CONTINUES)
