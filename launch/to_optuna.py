"""Copies the trials of a search or a table to a study of Optuna, which its dashboard and other tools open.

python launch/to_optuna.py --workdir=runs/mnist --storage=sqlite:///mnist.db
optuna-dashboard sqlite:///mnist.db

Started again, it adds the trials that are new. It needs Optuna: pip install 'nas_keras[optuna]'.
"""

from absl import flags

import nas_keras as nk
from nas_keras._launch import script
from nas_keras._launch.flag_checks import check_given
from nas_keras._launch.progress import show_time
from nas_keras._launch.user_code import ImportFlags
from nas_keras.results.tabular.optuna_study import import_optuna, open_study
from nas_keras.system.words import counted

_IMPORT = ImportFlags()
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of a run, which may be running, or of a table. Required.")
_STORAGE = flags.DEFINE_string(
    "storage", None, "Database of the study, as Optuna names it, such as sqlite:///mnist.db; made if needed. Required."
)
_STUDY = flags.DEFINE_string("study", None, "Name of the study in the database. Default: the name of the folder.")


def main() -> None:
    """Checks the flags, copies the trials, and says how many."""
    _IMPORT.load()
    check_given("workdir", "the folder of a search or of a table", "runs/mnist")
    check_given("storage", "the database of the study", "sqlite:///mnist.db")
    run = nk.load_run(_WORKDIR.value)
    name = _STUDY.value or run.path.name
    optuna = import_optuna()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = open_study(_STORAGE.value, name)
    with show_time("copying trials"):
        added = run.to_optuna(study)
    print(
        f"{counted(added, 'trial')} added to the study {name!r}, which holds {len(study.get_trials(deepcopy=False)):,}."
    )
    print(f"To look at them: optuna-dashboard {_STORAGE.value}")


if __name__ == "__main__":
    script.run(main, interrupted=script.CONTINUES)
