"""The settings of REINFORCE, apart from `reinforce.py` so that they import no TensorFlow."""

import dataclasses

from nas_keras.errors import InvalidValueError, check_at_least, use_python_numbers
from nas_keras.strategies.ppo.config import MOST


@dataclasses.dataclass(frozen=True)
class ReinforceConfig:
    """Settings of REINFORCE.

    The paper's learning rate, 0.0006, is for 12,800 children; 200 of them are 25 steps of Adam. Of 0.003, 0.006, 0.01,
    0.02 and 0.04 the default found the best encodings, or as good ones, with 200 evaluations on two of three kinds of
    synthetic table (2,000 to 4,096 keys), and 0.02 on the third. With less it has hardly learned by then, with 0.02
    and more it draws hardly anything new after 65 to 140 evaluations.

    Attributes:
        learning_rate: of Adam.
        decay: of the baseline, an exponential moving average of earlier rewards; at least 0 and less than 1. Its value
            is Zoph et al. 2018's (https://arxiv.org/abs/1707.07012, appendix A); the paper gives none.
        entropy: c, weight of the policy's entropy, summed over decisions; 0 as in the paper. It is in units of the
            reward: 0.3 standard deviations of the rewards, with a learning rate of 0.02, keep a policy from collapsing.
        units: of the LSTM.
        embedding: of an action.
    """

    learning_rate: float = 0.01
    decay: float = 0.95
    entropy: float = 0.0
    units: int = 32
    embedding: int = 16

    def __post_init__(self):
        use_python_numbers(self)
        for name in ("units", "embedding"):
            check_at_least(name, getattr(self, name), 1, at_most=MOST[name])
        for name in ("learning_rate", "decay", "entropy"):
            check_at_least(name, getattr(self, name), 0, integer=False)
        if self.decay >= 1:
            raise InvalidValueError(
                f"decay={self.decay!r} is not allowed: it must be at least 0 and less than 1. With 1 the baseline "
                "would never move."
            )
