"""Plans the exports of a run's best children, and checks that they can be trained here."""

from collections.abc import Sequence

from absl import logging

from nas_keras.children.build import ChildConfig
from nas_keras.children.caveats import few_steps
from nas_keras.children.network import CellNetwork
from nas_keras.data.images import Images
from nas_keras.evaluators.operation_check import check_operations
from nas_keras.results.export_folder import child_folder
from nas_keras.results.exportable_run import ExportableRun
from nas_keras.results.exporting.children import ExportJob
from nas_keras.results.exporting.final_settings import FinalSettings, warn_if_shorter
from nas_keras.results.exporting.final_training import FinalTraining, identity_of
from nas_keras.results.formats.architecture_file import Architecture
from nas_keras.spaces import operations
from nas_keras.spaces.architecture_names import name_architecture
from nas_keras.spaces.cell import Cell
from nas_keras.trial import Trial


def plan_export(
    run: ExportableRun, rank: int, trial: Trial, final: FinalSettings, images: Images, *, quantize: bool
) -> ExportJob:
    """Plans the export of the child of a trial, which has this rank in the search."""
    architecture = run.space.decode(trial.actions)
    cell = architecture if isinstance(architecture, Cell) else None
    train, network = run.training_of(trial, final.train(run.train)), final.network(run.network)
    has_own_build = not isinstance(network, CellNetwork)
    chosen = zip(run.space.decisions, trial.actions, strict=True)
    described = Architecture(
        cell=None if has_own_build else cell,
        decisions={decision.name: str(decision.choices[action]) for decision, action in chosen},
        child=network.child if isinstance(network, CellNetwork) else None,
        train=train,
        seed=trial.seed,
        input_shape=images.image_shape,
        class_names=tuple(images.class_names),
    )
    training = FinalTraining(
        make_model=network.make_model(architecture),
        train=train,
        seed=trial.seed,
        class_names=images.class_names,
        distribute=run.distribute,
        has_own_build=has_own_build,
        has_own_code=has_own_build
        or cell is None
        or not {name for _, name in cell.nodes} <= set(operations.OPERATIONS),
        quantize=quantize,
        identity=identity_of(described, images, run.distribute, network.code),
    )
    folder = child_folder(run.workspace, rank)
    folders = (folder,) if rank == 1 else (run.workspace.best, folder)
    title = name_architecture(run.space, trial.actions)
    evaluation = trial.evaluation
    seconds = evaluation.seconds / max(1, evaluation.epochs) * train.epochs * final.slowdown(run.network, images)
    facts = {**run.facts, **_facts_of(rank, trial), **_changes_of(run, final)}
    return ExportJob(training, described, title, facts, folders, seconds)


def _facts_of(rank: int, trial: Trial) -> dict[str, str]:
    return {
        "Rank in the search": f"{rank}, with the reward {trial.reward:.4f}",
        "Encoding": ",".join(map(str, trial.actions)),
    }


def _changes_of(run: ExportableRun, final: FinalSettings) -> dict[str, str]:
    """What a card says of a final training by other settings than those of the search."""
    facts = {"Recipe of the final training": final.recipe_name} if final.recipe_name else {}
    if changes := final.changes(run.network, run.train):
        facts["Other settings than in the search"] = ", ".join(f"{name} {value}" for name, value in changes.items())
    return facts


def check_trainings(run: ExportableRun, final: FinalSettings, names: Sequence[str], images: Images) -> None:
    """Checks before any work that the final trainings can be done here; warns of one that is too short.

    Raises:
        InvalidValueError: for an operation that cannot be trained here, or images that are too small.
    """
    final.check(run.network, run.train, images)
    network, train = final.network(run.network), final.train(run.train)
    check_operations(
        names,
        operations.registered(),
        child=network.child if isinstance(network, CellNetwork) else ChildConfig(stages=1),
        input_shape=images.image_shape,
        num_classes=images.num_classes,
        precision=train.precision,
    )
    warn_if_shorter(train, run.train)
    if caveat := few_steps(train, len(images.train_labels)):
        logging.warning("%s", caveat)
