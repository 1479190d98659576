r"""Makes a page of results. For a table of rewards it has statistics, pictures, and searches on the table:

    python launch/report.py --table=testdata/rewards/mnist_small --output=docs/mnist_small

For searches of one space and recipe it has all trials, their winners, and what their controllers learned:

    python launch/report.py --workdir=runs/large3_ppo,runs/large3_random --trained=runs/large3_trained \
        --table=testdata/rewards/mnist_large3 --output=docs/mnist_large3

A page is a folder: README.md with its pictures for a repository, and index.html, one file that any browser opens
without a network. It needs the extra `[report]`: pip install 'nas_keras[report]'.
"""

import os
import pathlib
import shlex
from collections.abc import Sequence

import tqdm
from absl import flags

from nas_keras._launch import script
from nas_keras._launch.flag_checks import check_given, refuse_given
from nas_keras._launch.space_flags import SpaceFlags
from nas_keras._launch.user_code import ImportFlags
from nas_keras.errors import InvalidValueError
from nas_keras.reports.page import Report, Searches
from nas_keras.reports.page_folder import HTML
from nas_keras.reports.search_page.page import write_run_report
from nas_keras.reports.table_page.page import write_report
from nas_keras.system.output_files import check_apart

_IMPORT = ImportFlags()
_TABLE = flags.DEFINE_string(
    "table", None, "Folder of a table, as precompute_rewards.py fills it. Required, unless there is a --workdir."
)
_RUNS = flags.DEFINE_list(
    "workdir", [], "Folders of searches of one space and recipe, running ones too, for a page of them."
)
flags.DEFINE_alias("runs", "workdir")  # its name in earlier versions
_TRAINED = flags.DEFINE_string("trained", None, "Folder of their best cells, trained longer by train_child.py.")
_OUTPUT = flags.DEFINE_string(
    "output", "docs/mnist_small", "Folder of the page, made if it is not there; an earlier page in it is replaced."
)
_SPACE = SpaceFlags(text="The search space of the table: small or large.", for_table=True)
_SEARCHES = flags.DEFINE_integer(
    "searches", 20, "Searches on the table by each strategy, with seeds 0, 1, ...; 0: none."
)
_BATCHES = flags.DEFINE_integer("batches", 60, "Batches of 8 samples in each search by PPO.")


def main() -> None:
    """Checks the flags, makes the page, and prints its headline figures."""
    _IMPORT.load()
    script.check_report_extra("A report", "networkx", "jinja2", "bokeh")
    Searches(_SEARCHES.value, _BATCHES.value).check()
    if _RUNS.value and not flags.FLAGS["output"].present:
        raise InvalidValueError("--output is missing: name the folder of the page, such as --output=docs/mnist_large3.")
    check_given("output", "the folder of the page", "docs/mnist_small")
    read = [("table", _TABLE.value), ("trained", _TRAINED.value), *(("workdir", run) for run in _RUNS.value)]
    check_apart(folders={"output": _OUTPUT.value}, read=read)
    shown = _SEARCHES.value and _TABLE.value  # searches on a table
    with tqdm.tqdm(total=_SEARCHES.value, unit="seed", desc="Searching", disable=not shown, delay=0.1) as bar:
        searches = Searches(_SEARCHES.value, _BATCHES.value, lambda done: bar.update(done - bar.n))
        made = _report_runs(searches) if _RUNS.value else _report_table(searches)
    print("\n".join(made.headlines))
    print(f"\nThe page: {os.path.join(_OUTPUT.value, HTML)} (for a repository: {made.page.name} beside it)")


def _report_runs(searches: Searches) -> Report:
    refuse_given(("space", "num_nodes"), "cannot be combined with --workdir, which determines it. Leave it out.")
    optional = {"trained": _TRAINED.value, "table": _TABLE.value}
    given = [f"--{name}={value}" for name, value in optional.items() if value is not None]
    return write_run_report(
        list(map(pathlib.Path, _RUNS.value)),
        pathlib.Path(_OUTPUT.value),
        trained=pathlib.Path(_TRAINED.value) if _TRAINED.value else None,
        table=pathlib.Path(_TABLE.value) if _TABLE.value else None,
        command=_command(f"--workdir={','.join(_RUNS.value)}", *given),
        searches=searches,
    )


def _report_table(searches: Searches) -> Report:
    refuse_given(("trained",), "is for a page of --workdir; leave it out.")
    space = _SPACE.space()
    check_given("table", "the folder of a table", "runs/table")
    command = _command(f"--table={_TABLE.value}", after=_SPACE.arguments())
    table, output = pathlib.Path(_TABLE.value), pathlib.Path(_OUTPUT.value)
    return write_report(table, space, output, searches=searches, command=command)


def _command(*what: str, after: Sequence[str] = ()) -> str:
    searches = [f"--searches={_SEARCHES.value}", f"--batches={_BATCHES.value}"]
    return shlex.join(["python", "launch/report.py", *what, f"--output={_OUTPUT.value}", *after, *searches])


if __name__ == "__main__":
    script.run(main, interrupted=script.STARTS_OVER)
