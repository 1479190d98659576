"""The flags of a cell that is trained by itself: --cell, --seed, --export and --quantize."""

import os
import pathlib

from absl import flags

from nas_keras._launch.flag_checks import refuse_given
from nas_keras.errors import InvalidValueError, check_choice, check_seed
from nas_keras.results.exporting.cell_training import export_place
from nas_keras.results.formats.architecture_file import ARCHITECTURE, Architecture, read_architecture
from nas_keras.spaces import operations
from nas_keras.spaces.cell import Cell
from nas_keras.system.paths import local_path
from nas_keras.trial import training_seed

flags.disclaim_key_flags()  # a script's --help lists the flags of the module that defines them: make that the script


class CellFlags:
    """--cell names one cell, which is trained once; the other flags are for it alone."""

    def __init__(self) -> None:
        self._cell = flags.DEFINE_string(
            "cell",
            None,
            "One cell to train instead: its key, or the path of an architecture.json, whose settings are used too.",
        )
        self._seed = flags.DEFINE_integer("seed", 0, "Seed of the training of --cell, as that of a search.")
        self._export = flags.DEFINE_string(
            "export", None, "Folder for the trained --cell in all formats. Default: it is trained and tested only."
        )
        self._quantize = flags.DEFINE_boolean(
            "quantize", False, "With --export: write a .tflite file of 8-bit integers too."
        )

    @property
    def is_given(self) -> bool:
        """Whether one cell is to be trained."""
        return bool(self._cell.value)

    @property
    def exports(self) -> bool:
        """Whether the cell is exported."""
        return bool(self._export.value)

    @property
    def quantize(self) -> bool:
        """Whether a file of 8-bit integers is written."""
        return self._quantize.value

    def check(self, others: tuple[str, ...]) -> None:
        """Raises InvalidValueError for flags that exclude each other.

        Args:
            others: the flags that are not for one cell.
        """
        if not self.is_given:
            refuse_given(("seed", "export", "quantize"), "is for --cell. Leave it out, or name one cell.")
            return
        refuse_given(others, "beside --cell is not allowed: it is for tables of cells. Leave one of them out.")
        check_seed(self._seed.value)
        if not self._export.value:
            refuse_given(("quantize",), "is for --export. Leave it out, or name a folder.")

    def folder(self) -> pathlib.Path | None:
        """The folder of --export; None without it."""
        return export_place(self._export.value) if self._export.value else None

    def read(self) -> tuple[Cell, Architecture | None]:
        """Returns the cell, and the rest of its architecture.json if the flag names one.

        Raises:
            InvalidValueError: if it is no cell, or one of an operation that is not registered here.
            DataError: if the file cannot be read.
        """
        text = str(self._cell.value)
        architecture = None
        if text.endswith(".json") or os.path.exists(text):
            path = local_path("cell", text)
            architecture = read_architecture(path / ARCHITECTURE if path.is_dir() else path)
            if architecture.cell is None:
                raise InvalidValueError(f"--cell={text} describes a network of your own, which has no cell.")
        cell = Cell.parse(text) if architecture is None or architecture.cell is None else architecture.cell
        for _, name in cell.nodes:
            check_choice("operation", name, [*operations.OPERATIONS, *operations.registered()])
        return cell, architecture

    def training_seed(self, cell: Cell) -> int:
        """The seed of the training, which a search with --seed gives the same cell of a large space."""
        return training_seed(self._seed.value, cell.key)
