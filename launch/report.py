"""Makes a page of results from a table of rewards: statistics, pictures, and searches on the table.

    python launch/report.py --table=testdata/rewards/mnist_small --output=docs/mnist_small

It needs matplotlib and SciPy: pip install 'nas_keras[report]'.
"""

import importlib.util
import pathlib
import shlex

import tqdm
from absl import flags

import nas_keras as nk
from nas_keras import _script, report
from nas_keras.errors import InvalidValueError, check_at_least, check_choice

_TABLE = flags.DEFINE_string("table", None, "Folder of a table, as precompute_rewards.py fills it. Required.")
_OUTPUT = flags.DEFINE_string("output", "docs/mnist_small", "Folder of the page, made if it is not there.")
_SPACE = flags.DEFINE_string("space", "small", "The search space of the table: small or large.")
_NUM_NODES = flags.DEFINE_integer("num_nodes", 3, "Nodes of a cell of the large space, 1 to 4.")
_SEARCHES = flags.DEFINE_integer(
    "searches", 20, "Searches on the table by each strategy, with seeds 0, 1, ...; 0: none."
)
_BATCHES = flags.DEFINE_integer("batches", 60, "Batches of 8 samples in each search by PPO.")

_LARGEST = 1_000_000  # strings; what nobody computes a table of


def main() -> None:
    """Checks the flags, makes the page, prints its headline figures."""
    missing = [name for name in ("matplotlib", "scipy") if importlib.util.find_spec(name) is None]
    if missing:
        raise InvalidValueError(f"A report needs {' and '.join(missing)}: pip install 'nas_keras[report]'.")
    space, flags_of_space = _space()
    check_at_least("searches", _SEARCHES.value, 0)
    check_at_least("batches", _BATCHES.value, 1)
    if not _TABLE.value:
        raise InvalidValueError("--table is missing: name the folder of a table, such as --table=runs/table.")
    if not _OUTPUT.value:
        raise InvalidValueError("--output is missing: name the folder of the page, such as --output=docs/mnist_small.")
    command = ["python", "launch/report.py", f"--table={_TABLE.value}", f"--output={_OUTPUT.value}", *flags_of_space]
    command += [f"--searches={_SEARCHES.value}", f"--batches={_BATCHES.value}"]
    with tqdm.tqdm(total=_SEARCHES.value, unit="seed", desc="Searching", disable=not _SEARCHES.value) as bar:
        made = report.write_report(
            pathlib.Path(_TABLE.value),
            space,
            pathlib.Path(_OUTPUT.value),
            searches=_SEARCHES.value,
            batches=_BATCHES.value,
            command=shlex.join(command),
            on_search=lambda done: bar.update(done - bar.n),
        )
    print("\n".join(made.headlines))
    print(f"\nThe page: {made.page}")


def _space() -> tuple[nk.SearchSpace, list[str]]:
    """The space, and the flags that say so."""
    check_choice("space", _SPACE.value, ("small", "large"))
    if _SPACE.value == "small":
        if flags.FLAGS["num_nodes"].present:
            raise InvalidValueError(f"--num_nodes={_NUM_NODES.value} is for --space=large; the small space has two.")
        return nk.spaces.small(), ["--space=small"]
    space = nk.spaces.large(_NUM_NODES.value)
    if space.size > _LARGEST:
        raise InvalidValueError(
            f"--num_nodes={_NUM_NODES.value}: {space.size:,} strings are too many for a table; use 1 to 4."
        )
    return space, ["--space=large", f"--num_nodes={_NUM_NODES.value}"]


if __name__ == "__main__":
    _script.run(main)
