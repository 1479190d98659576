"""Settings of REINFORCE, in a module that imports no TensorFlow."""

import dataclasses

from nas_keras.errors import InvalidValueError, check_at_least, use_python_numbers
from nas_keras.strategies.ppo.config import MOST


@dataclasses.dataclass(frozen=True)
class ReinforceConfig:
    """Settings of REINFORCE.

    The paper's learning rate, 0.0006, is for 12,800 children, but 200 evaluations are only 25 steps of Adam. Of 0.003,
    0.006, 0.01, 0.02 and 0.04, the default found the best encodings, or equally good ones, with 200 evaluations on two
    of three kinds of synthetic table (2,000 to 4,096 keys), and 0.02 on the third. With a smaller rate the policy has
    hardly learned by then; with 0.02 and more it samples hardly anything new after 65 to 140 evaluations.

    Attributes:
        learning_rate: learning rate of Adam.
        decay: decay of the baseline, an exponential moving average of earlier rewards; at least 0 and less than 1. The
            value is that of Zoph et al. 2018 (https://arxiv.org/abs/1707.07012, appendix A); the paper states none.
        entropy: c, the weight of the policy's entropy, summed over decisions, in units of the reward; 0 as in the
            paper. With a learning rate of 0.02, 0.3 standard deviations of the rewards keep a policy from collapsing.
        units: size of the LSTM's state.
        embedding: size of an action's embedding.
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
