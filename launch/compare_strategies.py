"""Compares strategies on a table whose every reward is known: regret at equal numbers of distinct evaluations.

    python launch/compare_strategies.py --synthetic=pairwise-8x3-0 --strategies=ppo,evolution:batch_size=1,random
    python launch/compare_strategies.py --table=testdata/rewards/mnist_small --strategies=ppo,evolution:population=50
    python launch/compare_strategies.py --npz=nbmacro_cifar10.npz --npz_array=test_acc_runs --npz_column=0

Every search is a real one, by `nk.search`. Pictures and intervals need matplotlib and SciPy: pip install
'nas_keras[report]'.
"""

import tqdm
from absl import flags

from nas_keras._launch import script
from nas_keras._launch.user_code import ImportFlags
from nas_keras.comparison import summary, synthetic
from nas_keras.comparison.compare import compare
from nas_keras.comparison.contenders import parse_contenders
from nas_keras.comparison.problems import Source
from nas_keras.errors import InvalidValueError, check_choice
from nas_keras.reports.plots.comparison_plot import PICTURES, check_picture, draw_comparison
from nas_keras.strategies import NAMES
from nas_keras.system.output_files import check_apart, result_file

_IMPORT = ImportFlags()
_STRATEGIES = flags.DEFINE_string(
    "strategies",
    "ppo_predictor,ppo,ppo:paper,evolution,random",
    f"Strategies, comma-separated, of {', '.join(NAMES)}; settings follow a colon: "
    "ppo,evolution:population=50,sample_size=10,random. ppo:paper is PPO as in the paper, and batch_size=1 gives a "
    "strategy a batch size of its own.",
)
_TABLE = flags.DEFINE_string("table", None, "Folder of a complete table of the small space or a large one.")
_SYNTHETIC = flags.DEFINE_string(
    "synthetic",
    None,
    f"Name of a synthetic table, family-shape-number; {synthetic.ALLOWED}.",
)
_NPZ = flags.DEFINE_string("npz", None, "File with arrays n_choices [T], enc [R, T] and rewards, as NAS-Bench-Macro's.")
_NPZ_ARRAY = flags.DEFINE_string("npz_array", "", "With --npz: name of the array of rewards, [R] or [R, C].")
_NPZ_COLUMN = flags.DEFINE_integer("npz_column", None, "With --npz: column of an array [R, C], from 0.")
_SEEDS = flags.DEFINE_integer("seeds", 100, "Searches by each strategy, with seeds 0, 1, ...")
_BUDGETS = flags.DEFINE_list("budgets", ["50", "100", "200"], "Numbers of distinct evaluations to compare at.")
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 8, "Proposals in a batch of the strategies that do not state their own."
)
_PROCESSES = flags.DEFINE_integer("processes", None, "Processes that search. Default: one per core.")
_REFERENCE = flags.DEFINE_string(
    "reference",
    None,
    "A strategy, as in --strategies, that is given three times the evaluations: the others are compared with that too.",
)
_CSV = flags.DEFINE_string("csv", None, "File to write every curve to.")
_PICTURE = flags.DEFINE_string("picture", None, f"File to draw the curves to: {', '.join(PICTURES)}.")


def main() -> None:
    """Checks the flags, runs the searches, and prints and writes their results."""
    _IMPORT.load()
    script.check_report_extra("A comparison")
    source = _source()
    contenders = parse_contenders(_STRATEGIES.value)
    budgets = _budgets()
    if _REFERENCE.value:
        check_choice("reference", _REFERENCE.value, [contender.label for contender in contenders])
    csv_path, picture = result_file("csv", _CSV.value), result_file("picture", _PICTURE.value)
    if picture:
        check_picture(picture)
    check_apart(files={"csv": csv_path, "picture": picture}, read=[("npz", _NPZ.value), ("table", _TABLE.value)])
    total = len(contenders) * max(_SEEDS.value, 0)
    with tqdm.tqdm(total=total, unit="search", desc="Searching", smoothing=0.05, delay=0.1) as bar:
        comparison = compare(
            source,
            contenders,
            num_seeds=_SEEDS.value,
            max_evaluations=max(budgets),
            batch_size=_BATCH_SIZE.value,
            reference=_REFERENCE.value,
            processes=_PROCESSES.value,
            on_searches=bar.update,
        )
    print(f"{source}\n{summary.summary_text(comparison, budgets)}")
    if csv_path:
        summary.write_csv(comparison, csv_path)
        print(f"\nEvery curve:  {csv_path}")
    if picture:
        draw_comparison(comparison, picture, kept=csv_path)
        print(f"\nThe picture:  {picture}")


def _source() -> Source:
    given = [flag for flag in (_TABLE, _SYNTHETIC, _NPZ) if flag.value]
    if len(given) != 1:
        named = " and ".join(f"--{flag.name}={flag.value}" for flag in given) or "none"
        raise InvalidValueError(f"Name one of --table, --synthetic and --npz; there is {named}.")
    (flag,) = given
    if flag is not _NPZ and (_NPZ_ARRAY.value or _NPZ_COLUMN.value is not None):
        raise InvalidValueError(f"--npz_array and --npz_column are for --npz, not for --{flag.name}. Leave them out.")
    return Source(flag.name, flag.value, _NPZ_ARRAY.value, _NPZ_COLUMN.value)


def _budgets() -> list[int]:
    try:
        budgets = sorted({int(budget) for budget in _BUDGETS.value})
    except ValueError:
        budgets = []
    if not budgets or budgets[0] < 1:
        raise InvalidValueError(
            f"--budgets={','.join(_BUDGETS.value)} is not allowed: write whole numbers from 1, such as 50,100,200."
        )
    return budgets


if __name__ == "__main__":
    script.run(main, interrupted=script.STARTS_OVER)
