"""Measures the time until the main process can propose, and until a worker can train."""

import subprocess
import time

from nas_keras.data.images import Images
from nas_keras.evaluators.training import TrainingEvaluator
from nas_keras.system.python_process import python_command

_STEPS = {
    "import": "import nas_keras",
    "import_and_first_proposals": (
        "import nas_keras as nk; nk.strategies.PPO(nk.spaces.large(3), nk.PPOConfig(), seed=0).ask(8)"
    ),
}


def measure_startup(images: Images, *, repeats: int = 3) -> dict[str, float]:
    """Measures start-up times in seconds, the median of `repeats`.

    Args:
        images: the data set of the worker.
        repeats: number of measurements.

    Returns:
        `import`: the package alone, without TensorFlow; `import_and_first_proposals`: until PPO has proposed, tracing
        included; `worker`: until a new worker is ready for its first child.
    """
    seconds: dict[str, list[float]] = {name: [] for name in (*_STEPS, "worker")}
    for _ in range(repeats):
        for name, code in _STEPS.items():
            start = time.monotonic()
            subprocess.run(python_command(code), check=True, capture_output=True)
            seconds[name].append(time.monotonic() - start)
        with TrainingEvaluator(images, workers=1) as evaluator:
            start = time.monotonic()
            evaluator.start()
            seconds["worker"].append(time.monotonic() - start)
    return {name: sorted(values)[len(values) // 2] for name, values in seconds.items()}
