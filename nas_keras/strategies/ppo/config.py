"""Settings of PPO, in a module that imports no TensorFlow."""

import dataclasses

from nas_keras._tensorflow import DISTRIBUTE, NONE
from nas_keras.errors import InvalidValueError, check_at_least, check_choice, use_python_numbers
from nas_keras.strategies.ppo.advantages import ADVANTAGES, NORMAL, SOFT

# Limits far beyond anything useful, where a mistyped value would exhaust the memory.
MOST = {"steps": 100_000, "minibatch_size": 1_000_000, "units": 4_096, "embedding": 4_096}
MOST_SAMPLED = 1_000_000  # encodings
_LEAST_TEMPERATURE = 0.01


@dataclasses.dataclass(frozen=True)
class PPOConfig:
    """Settings of PPO.

    Attributes:
        learning_rate: learning rate of Adam.
        clip: epsilon, the bound of the clipped ratio.
        steps: K, the number of SGD steps after each batch.
        minibatch_size: m, the number of trials in one step.
        entropy: c, the weight of the policy's entropy, summed over decisions, in the loss. Soft advantages include an
            entropy of their own.
        window: number of latest batches from which mini-batches are sampled; 0 means all of D, and then the time for a
            batch grows with D.
        units: size of the LSTM's state.
        embedding: size of an action's embedding.
        distribute: "none" or "mirrored", the placement of the controller (`make_distribution`).
        advantages: "normal" standardizes rewards over the window; it needs plain samples. "soft" depends on the order
            of rewards only, and compares each encoding's probability with the one that its rank deserves
            (`ppo/advantages.py`).
        temperature: for soft advantages, the weight of the entropy against normal scores of the ranks.
        candidates: number of samples of the policy from which the proposals of a batch are selected, new keys first; 0:
            proposals are plain samples of the policy, with repeats.
        sharpness: s, the exponent in the probability pi(a)^s of selecting a candidate.
    """

    learning_rate: float = 0.02
    clip: float = 0.5
    steps: int = 10
    minibatch_size: int = 16
    entropy: float = 0.0
    window: int = 512
    units: int = 32
    embedding: int = 16
    distribute: str = NONE
    advantages: str = SOFT
    temperature: float = 0.5
    candidates: int = 128
    sharpness: float = 3.0

    @classmethod
    def paper(cls) -> "PPOConfig":
        """Returns the plain form: samples with repeats, and advantages standardized over the latest batch alone.

        Without entropy in the advantages a policy collapses sooner, so the learning rate is lower: with 0.02, three of
        six searches of the shipped small table settle before they reach its best cell, and with 0.005 none does.
        """
        return cls(learning_rate=0.005, candidates=0, advantages=NORMAL, window=1)

    def __post_init__(self) -> None:
        use_python_numbers(self)
        for name in ("steps", "minibatch_size", "units", "embedding"):
            check_at_least(name, getattr(self, name), 1, at_most=MOST[name])
        check_at_least("window", self.window, 0)
        check_at_least("candidates", self.candidates, 0, at_most=MOST_SAMPLED)
        for name in ("learning_rate", "clip", "entropy", "temperature", "sharpness"):
            check_at_least(name, getattr(self, name), 0, integer=False)
        check_choice("distribute", self.distribute, DISTRIBUTE)
        check_choice("advantages", self.advantages, ADVANTAGES)
        if self.advantages == NORMAL and self.candidates:
            raise InvalidValueError(
                f"advantages='normal' with candidates={self.candidates} is not allowed: selected proposals do not "
                "follow the policy, so no importance ratio bounds what these advantages do to it. Use candidates=0, or "
                "advantages='soft'."
            )
        if self.advantages == SOFT and self.temperature < _LEAST_TEMPERATURE:
            raise InvalidValueError(
                f"temperature={self.temperature} is not allowed: soft advantages need at least {_LEAST_TEMPERATURE}, "
                "since only entropy keeps their probabilities from vanishing. Without entropy, use candidates=0 and "
                "advantages='normal'."
            )


@dataclasses.dataclass(frozen=True)
class PPOPredictorConfig(PPOConfig):
    """Settings of PPO with a predictor, in addition to those of PPO; `sharpness` matters for the `initial` keys only.

    Attributes:
        optimism: number of standard deviations added to a prediction (`predictors/gaussian_process.py`); 0: the mean
            alone counts.
        initial: number of keys observed before the predictor is used.
    """

    candidates: int = 1_000
    optimism: float = 3.0
    initial: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("candidates", "initial"):
            check_at_least(name, getattr(self, name), 1, at_most=MOST_SAMPLED)
        check_at_least("optimism", self.optimism, 0, integer=False)
