"""Checks a user's network before any child is trained: some architectures of the space are built and traced.

Nothing is computed and nothing is written.
"""

from collections.abc import Callable, Iterator
from typing import Any

from absl import logging

from nas_keras._tensorflow import tf
from nas_keras.children.named_recipes import configs_of
from nas_keras.children.network import BuildError, CellNetwork, Network, OwnNetwork, build_own
from nas_keras.children.training import in_precision
from nas_keras.errors import DataError, InvalidValueError
from nas_keras.evaluators.step_check import check_step
from nas_keras.spaces.architecture_names import name_architecture
from nas_keras.spaces.search_space import Actions, SearchSpace
from nas_keras.spaces.variables import NETWORK_REMEDY, VariableWatch
from nas_keras.storage.recipe import BUILD, code_difference, with_code
from nas_keras.system.code.fingerprint import given_version

_MOST_BUILT = 8  # architectures


def check_network(
    network: OwnNetwork,
    space: SearchSpace,
    *,
    input_shape: tuple[int, int, int],
    num_classes: int,
    precision: str,
) -> None:
    """Builds architectures of the space in which each choice of each decision occurs, and traces a step of each.

    The first one, whose every decision has its first choice, must succeed. An exception that the function raises for
    another one is a warning, since such a child would count as failed and the search would continue.

    Args:
        network: the user's function.
        space: the space.
        input_shape: (height, width, channels) of an image.
        num_classes: number of classes of the labels.
        precision: precision of the training, see `TrainConfig`.

    Raises:
        InvalidValueError: if the first architecture cannot be built, or the model of any of these architectures cannot
            be trained.
    """
    subject = f"The network of build={network.name}"
    first, *others = samples_of(space)
    for actions in (first, first, *others):  # the second model shows what a function keeps from one child to the next
        watch = VariableWatch(NETWORK_REMEDY)
        try:
            with in_precision(precision):
                model: Any = build_own(
                    network, space.decode(actions), input_shape=input_shape, num_classes=num_classes, watch=watch
                )
            check_step(subject, model, watch)
        except (BuildError, tf.errors.OpError, MemoryError) as error:
            name = name_architecture(space, actions)
            if actions == first:
                raise InvalidValueError(
                    f"{subject} cannot be built for {name} and images of shape {input_shape}: {error}. The function is "
                    "called as build(architecture, input_shape, num_classes), and the first choice of every decision "
                    "must give a network."
                ) from error
            logging.warning("%s for %s. Such a child counts as failed.", error, name)


def samples_of(space: SearchSpace) -> Iterator[Actions]:
    """Yields encodings in which each choice of each decision occurs, or in which up to eight of many choices do."""
    most = max(space.num_choices)
    count = min(most, _MOST_BUILT)
    for place in range(count):
        number = round(place * (most - 1) / max(1, count - 1))
        yield tuple(min(number, choices - 1) for choices in space.num_choices)


def network_of(recipe: dict[str, Any], build: Callable[..., Any] | None, run: object) -> Network:
    """Returns the network that built the children of a run.

    Args:
        recipe: the recipe of the run.
        build: the user's function; None for children around cells.
        run: the run's folder, for messages.

    Raises:
        InvalidValueError: if the function is missing, is not needed, or has another code than that of the run.
        DataError: if the configuration of the child is not one of this version.
    """
    before = recipe.get(BUILD)
    if before is None:
        if build is not None:
            raise InvalidValueError(
                f"The children of {str(run)!r} were built around cells, not by a function: leave out build=."
            )
        child, _ = configs_of(recipe, run)
        return CellNetwork(child)
    if not isinstance(before, dict) or not all(isinstance(text, str) for text in before.values()):
        raise DataError(f"The recipe of {str(run)!r} has a corrupt build_code. Restore its file from a copy.")
    if build is None:
        raise InvalidValueError(
            f"The children of {str(run)!r} were built by a function of yours, whose code has the parts "
            f"{', '.join(before)}. Pass it by build=, or name its file by --import."
        )
    network = OwnNetwork.freeze(build, version=given_version(before))
    changed = code_difference(with_code({}, build=before), with_code({}, build=network.code))
    if changed:
        raise InvalidValueError(
            f"The rewards of {str(run)!r} came from other code: {changed}. An export would train another network. "
            "Restore the code, of an imported file its old text, or pass the function with the same version= as before."
        )
    return network
