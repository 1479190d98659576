"""Repairs a run or a table whose files are corrupt, and names what is lost.

    python launch/repair.py --folder=runs/mnist

Every readable record is kept. The same search or precompute_rewards, started again, trains only what is lost.
The original files are moved to the folder's `damaged/`.
"""

from absl import flags

from nas_keras._launch import script
from nas_keras._launch.flag_checks import check_given
from nas_keras._launch.user_code import ImportFlags
from nas_keras.results.repair import repair
from nas_keras.system.words import counted

_IMPORT = ImportFlags()
_FOLDER = flags.DEFINE_string("folder", None, "Folder of the run or table. Required.")


def main() -> None:
    """Repairs the folder and prints a line for each problem."""
    _IMPORT.load()
    check_given("folder", "the folder of a run or table", "runs/mnist")
    repaired = repair(_FOLDER.value)
    for problem in repaired.problems:
        print(problem)
    if repaired.damaged is None:
        print(f"No file is corrupt: {counted(repaired.kept, 'record')} can be read.")
        return
    print(
        f"{counted(repaired.kept, 'record')} kept, and {repaired.moved:,} moved to pending/ for the run to continue. "
        f"The original files are in {repaired.damaged}. "
        "To continue, start the command of the run again: it trains what is lost."
    )


if __name__ == "__main__":
    script.run(main)
