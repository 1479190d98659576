"""The settings of PPO, apart from `ppo.py` so that they import no TensorFlow."""

import dataclasses

from nas_keras.distribution import NONE
from nas_keras.errors import check_at_least


@dataclasses.dataclass(frozen=True)
class PPOConfig:
    """Settings of PPO. The defaults held on tables that were not used to choose them.

    Attributes:
        learning_rate: of Adam.
        clip: epsilon of the clipped ratio.
        steps: K, steps of SGD after each batch.
        minibatch_size: m, trials in one step.
        entropy: c, weight of the policy's entropy, summed over decisions. The setting that matters most: at 0.01 the
            policy collapses before it has looked around.
        window: from how many of the latest batches the mini-batches are drawn; 0 means all of D.
        units: of the LSTM.
        embedding: of an action.
        distribute: "none" or "mirrored": where the controller lives, see `distribution.py`.
    """

    learning_rate: float = 0.005
    clip: float = 0.2
    steps: int = 10
    minibatch_size: int = 8
    entropy: float = 0.1
    window: int = 1
    units: int = 32
    embedding: int = 16
    distribute: str = NONE

    def __post_init__(self):
        for name in ("steps", "minibatch_size", "units", "embedding"):
            check_at_least(name, getattr(self, name), 1)
        check_at_least("window", self.window, 0)
        for name in ("learning_rate", "clip", "entropy"):
            check_at_least(name, getattr(self, name), 0, integer=False)
