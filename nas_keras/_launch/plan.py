"""The plan of a search as lines of text, printed before its first child: space, goal, images, time, stored trials."""

from nas_keras.data.images import Images
from nas_keras.evaluators.limits import Limits
from nas_keras.results.time_budget import TimeBudget
from nas_keras.runner.settings import Settings
from nas_keras.spaces.architecture_names import kind_of
from nas_keras.storage.records.tfrecord import read_frames
from nas_keras.storage.run_folder import Workspace
from nas_keras.system.words import counted

_MOST_CLASSES = 20  # whose names are shown


def describe_search(settings: Settings, images: Images | None, epochs: int | None) -> str:
    """Returns a sentence about the strategy, the space and where rewards come from.

    Args:
        settings: the settings of the search.
        images: the images that children are trained on; None if none is trained.
        epochs: for how long each child is trained; None if rewards come from a table.
    """
    space = settings.space
    cells = f"up to {settings.max_evaluations:,} {kind_of(space)} of the {space.name} space ({space.size:,} encodings)"
    how = "whose rewards are read from a table"
    if images is not None and epochs is not None:
        on = f"on {counted(len(images.train_labels), 'image')} of {images.name}"
        how = f"each trained for {counted(epochs, 'epoch')} {on}"
    return f"Searching with {settings.strategy_name}, seed {settings.seed}: {cells}, {how}."


def describe_goal(objective: str, limits: Limits) -> list[str]:
    """Returns a line for an objective and one for limits, if they are set.

    Args:
        objective: what is maximized, as text.
        limits: what a cell may cost.
    """
    lines = [] if objective == "accuracy" else [f"The reward is {objective}."]
    values = limits.to_json()
    if values:
        limited = ", ".join(f"{name}={value:,.15g}" for name, value in values.items())
        lines.append(f"A cell over the limits ({limited}) is not trained, and does not count as an evaluation.")
    return lines


def describe_circumstances(workspace: Workspace, images: Images | None, time_budget: TimeBudget | None) -> list[str]:
    """Returns lines about the time limit, the images and the run that is continued, as far as there are any."""
    lines = [] if time_budget is None else [time_budget.describe()]
    lines += [] if images is None else [describe_images(images)]
    stored = describe_stored(workspace)
    return [*lines, stored] if stored else lines


def describe_stored(workspace: Workspace) -> str:
    """Returns a sentence about the run that is continued, or "" if there is none or its files cannot be read."""
    trials = finished = 0
    try:
        for path in workspace.dataset.glob("*.tfrecord"):
            trials += sum(1 for _ in read_frames(path.read_bytes()))
        finished = sum(1 for _ in workspace.pending.glob("*.tfrecord"))
    except OSError:  # the search reports it
        return ""
    if not trials + finished:
        return ""
    waiting = counted(finished, "finished child")
    return f"Continuing the run: {counted(trials, 'trial')} stored, and {waiting} of open batches."


def describe_images(images: Images) -> str:
    """Returns a sentence about the splits, the size and the classes of a data set."""
    num_train, num_valid = len(images.train_labels), len(images.valid_labels)
    names = ", ".join(images.class_names[:_MOST_CLASSES]) + ", ..." * (images.num_classes > _MOST_CLASSES)
    height, width, channels = images.image_shape
    return (
        f"Images of {images.name}: {num_train:,} to train, {num_valid:,} to validate; {height} x {width} pixels, "
        f"{counted(channels, 'channel')}; {images.num_classes:,} classes: {names}."
    )
