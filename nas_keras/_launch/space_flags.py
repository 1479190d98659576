"""The flags of a search space: --space and --num_nodes."""

import os

from absl import flags

from nas_keras import spaces
from nas_keras._launch.user_code import find_value, imported_spaces
from nas_keras.errors import InvalidValueError, check_choice
from nas_keras.spaces.cell_names import LARGEST
from nas_keras.spaces.search_space import SearchSpace

flags.disclaim_key_flags()  # a script's --help lists the flags of the module that defines them: make that the script

SPACES = ("small", "large")


class SpaceFlags:
    """--space and --num_nodes: a search space, also one that a file of --import defines.

    Args:
        default: the default of --space.
        text: the description of --space in --help.
        for_table: whether every cell of the space is to be trained, which excludes the largest spaces.
    """

    def __init__(
        self, default: str = "small", text: str = "The search space: small or large.", *, for_table: bool = False
    ):
        self._for_table = for_table
        most = 4 if for_table else spaces.MAX_NODES
        self._space = flags.DEFINE_string("space", default, text)
        self._num_nodes = flags.DEFINE_integer("num_nodes", 3, f"Nodes of a cell of the large space, 1 to {most}.")

    def space(self) -> SearchSpace:
        """The space that the flags name.

        Raises:
            InvalidValueError: if there is none, or if it is too large for a table.
        """
        name = self._space.value
        if name != "large" and flags.FLAGS["num_nodes"].present:
            why = "the small space has two" if name == "small" else f"{name} has its own decisions"
            raise InvalidValueError(f"--num_nodes={self._num_nodes.value} is for --space=large; {why}.")
        if name == "small":
            return spaces.small()
        if name != "large" and "." not in name:
            check_choice("space", name, [*SPACES, *imported_spaces()])
        space = spaces.large(self._num_nodes.value) if name == "large" else find_value("space", name, SearchSpace)
        if self._for_table and space.size > LARGEST:
            given = f"--num_nodes={self._num_nodes.value}" if name == "large" else f"--space={name}"
            raise InvalidValueError(f"{given}: {space.size:,} encodings are too many for a table; use 1 to 4 nodes.")
        return space

    def shipped_table(self, testdata: str) -> str:
        """The folder of the table of rewards that comes with the package for the space.

        Raises:
            InvalidValueError: if there is none, or if the tables are missing.
        """
        name = "mnist_small" if self._space.value == "small" else f"mnist_large{self._num_nodes.value}"
        shipped = os.path.join(testdata, "rewards", name)
        if not os.path.isdir(os.path.dirname(shipped)):
            raise InvalidValueError(
                f"The tables that come with nas_keras are missing: {os.path.dirname(shipped)} is not there. Install "
                "nas_keras again, or name the folder of another table by --table."
            )
        if self._space.value not in SPACES or not os.path.isdir(shipped):
            raise InvalidValueError(
                f"--reward=table needs --table: no table is shipped for {' '.join(self.arguments())}. Name the folder "
                "of one, or use --reward=train."
            )
        return shipped

    def arguments(self) -> list[str]:
        """The flags as a command line repeats them; --num_nodes only for the large space."""
        nodes = [f"--num_nodes={self._num_nodes.value}"] if self._space.value == "large" else []
        return [f"--space={self._space.value}", *nodes]
