"""Prints the trials of a search, finished or still running, or of a table: as a list, or as CSV.

python launch/show.py --workdir=runs/mnist --sort=-reward --where='num_params<20000'
"""

import sys

from absl import flags

import nas_keras as nk
from nas_keras._launch import script
from nas_keras._launch.flag_checks import check_given
from nas_keras._launch.results import trial_lines
from nas_keras._launch.user_code import ImportFlags
from nas_keras.errors import check_at_least
from nas_keras.results.tabular.rows import write_csv
from nas_keras.results.tabular.selection import select, sort

_IMPORT = ImportFlags()
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of a run, which may be running, or of a table. Required.")
_CSV = flags.DEFINE_boolean("csv", False, "Print CSV, with a column for each decision and each result.")
_WHERE = flags.DEFINE_multi_string(
    "where",
    [],
    "Only trials that meet a condition: a column, one of > >= < <= = !=, and a value, such as reward>0.98 or "
    "op_1=conv_3x3. Several --where must all hold. The columns are those of --csv.",
)
_SORT = flags.DEFINE_string(
    "sort", None, "Column to sort by, the smallest first; -column: the largest first. Default: as told to the strategy."
)
_TOP = flags.DEFINE_integer(
    "top",
    None,
    "Only the best cells that meet the conditions, best first, each once; of a table by the mean over its trainings. "
    "Default: all.",
)


def main() -> None:
    """Checks the flags and prints the trials."""
    _IMPORT.load()
    check_given("workdir", "the folder of a search or of a table", "runs/mnist")
    if _TOP.value is not None:
        check_at_least("top", _TOP.value, 1)
    run = nk.load_run(_WORKDIR.value)
    columns = run.columns
    rows = select(run.to_rows(None if _TOP.value is None else run.top(len(run.trials))), columns, _WHERE.value)
    rows = rows[: _TOP.value]
    if _SORT.value is not None:
        rows = sort(rows, columns, _SORT.value)
    if _CSV.value:
        write_csv(sys.stdout, columns, rows)
        return
    print("\n".join(trial_lines(rows)))
    if not rows:
        print("No trial meets the conditions." if _WHERE.value else "There is no trial to show yet.")


if __name__ == "__main__":
    script.run(main, interrupted=script.STARTS_OVER)
