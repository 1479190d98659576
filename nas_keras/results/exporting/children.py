"""From a planned training to the files of an exported child: trains, writes all formats, and writes the card.

What a child is exported for, and where its files are listed, is left to the callers: `export.py` for the best children
of a run, and `cell_training.py` for a cell by itself.
"""

import contextlib
import dataclasses
import pathlib
from collections.abc import Generator, Mapping, Sequence

from absl import logging

from nas_keras._tensorflow import tf
from nas_keras.data.images import Images
from nas_keras.errors import NasKerasError
from nas_keras.evaluators.training_pool import TrainingPool
from nas_keras.results.export_folder import checkpoint_path, discard, make_temporary_path
from nas_keras.results.exporting.final_training import FinalTraining, result_of
from nas_keras.results.formats.architecture_file import Architecture, write_architecture
from nas_keras.results.model_card.card import write_card
from nas_keras.results.model_card.facts import CardFacts, Written
from nas_keras.runner.monitoring.training_progress import show_trainings
from nas_keras.system.atomic_files import writing


@dataclasses.dataclass(frozen=True)
class ExportJob:
    """One child that is to be trained and exported.

    Attributes:
        training: its training.
        architecture: what architecture.json says of it.
        title: its name for people.
        search: name -> text about the search that found it; empty if none did.
        folders: the folder of its files, after those that hold it and may be missing.
        seconds: how long the training takes, as far as a search has shown; 0: unknown.
    """

    training: FinalTraining
    architecture: Architecture
    title: str
    search: dict[str, str]
    folders: tuple[pathlib.Path, ...]
    seconds: float = 0.0

    @property
    def folder(self) -> pathlib.Path:
        """The folder of its files."""
        return self.folders[-1]


def has_test(images: Images) -> bool:
    """Returns whether there is a usable test split; logs the reason if not."""
    try:
        images.test()
    except NasKerasError as error:
        logging.warning("Exported without a test accuracy: %s", error)
        return False
    return True


def export_children(
    jobs: Sequence[ExportJob],
    images: Images,
    environments: Sequence[Mapping[str, str]],
    *,
    progress: bool | None = None,
) -> Generator[tuple[ExportJob, Written], None, None]:
    """Trains children side by side and writes the files of each, in order, to the temporary path of its folder.

    Args:
        jobs: the children.
        images: the data set.
        environments: environment variables of each worker.
        progress: whether a bar on stderr shows the epochs; None: if a person watches.

    Yields:
        Each job with what was measured, once its files are complete. The caller installs them (`export_folder.install`)
        before it asks for the next.

    Raises:
        WriteError: if the disk is full, writing is not allowed, or the like.
        ExportError: if a child cannot be written in one of the formats.
        DisagreementError: if a format does not answer as the child does.
    """
    with_test = has_test(images)
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(TrainingPool(images, environments=environments, with_test=with_test))
        writers = pool
        if tf.config.list_physical_devices("GPU"):  # it rounds otherwise, and the formats are compared to 1e-5
            on_cpu = [{**environments[0], "CUDA_VISIBLE_DEVICES": "-1"}]
            writers = stack.enter_context(TrainingPool(images, environments=on_cpu, with_test=with_test))
        temporary = {id(job): make_temporary_path(*job.folders) for job in jobs}
        epochs, seconds = [job.training.train.epochs for job in jobs], sum(job.seconds for job in jobs)
        files = stack.enter_context(show_trainings(epochs, seconds=seconds / len(environments), progress=progress))
        submitted = [
            (job, job.training.submit(pool, checkpoint_path(job.folder), file))
            for job, file in zip(jobs, files, strict=True)
        ]
        try:
            for job, future in submitted:
                result_of(future)
                path = temporary[id(job)]
                written = result_of(job.training.submit_writing(writers, checkpoint_path(job.folder), path))
                with writing(path):
                    write_architecture(job.architecture, path)
                    write_card(CardFacts(job.title, job.architecture, images, written, job.search), path)
                yield job, written
        except Exception:
            for job, _ in submitted:
                discard(job.folder)
            raise
