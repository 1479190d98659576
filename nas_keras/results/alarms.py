"""The alarms of a run that is on disk: the same that the search raised, in the order in which it raised them."""

import contextlib

from nas_keras.results.loaded_run import Run
from nas_keras.runner.monitoring.alarms import Alarm, AlarmWatch

_METRICS = ("entropy", "kl")


def alarms_of(run: Run) -> list[Alarm]:
    """Returns the alarms of a run, the earliest first.

    Entropy and KL are not in D: they are read from the run's TensorBoard files, and count as unknown without them.
    """
    environment = run.config.get("environment")
    num_images = environment.get("validation_images") if isinstance(environment, dict) else None
    metrics = _read_metrics(run)
    watch = AlarmWatch(run.space, num_images if isinstance(num_images, int) and num_images > 0 else None)
    raised = []
    for number, batch in enumerate(run.batches):
        raised += watch.observe(batch, metrics.get(number, {}))
    return [*raised, *watch.end(max(0, len(run.batches) - 1))]


def _read_metrics(run: Run) -> dict[int, dict[str, float]]:
    """Returns batch -> metric -> value, as far as TensorBoard's files hold them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    folder = run.path / "tensorboard"
    metrics: dict[int, dict[str, float]] = {}
    if not folder.is_dir():
        return metrics
    accumulator = EventAccumulator(str(folder), size_guidance={"tensors": 0, "images": 1})  # 0: all
    with contextlib.suppress(Exception):  # a file may be damaged, or be written right now; D is what counts
        accumulator.Reload()
    for name in _METRICS:
        with contextlib.suppress(KeyError):
            for event in accumulator.Tensors(f"policy/{name}"):
                metrics.setdefault(event.step, {})[name] = float(make_ndarray(event.tensor_proto))
    return metrics
