"""Settings of PPO, in a module that imports no TensorFlow."""

import dataclasses

from nas_keras._tensorflow import DISTRIBUTE, NONE
from nas_keras.errors import InvalidValueError, check_at_least, check_choice, use_python_numbers
from nas_keras.strategies.ppo.advantages import ADVANTAGES, LATEST, REFERENCES, SOFT

# Limits far beyond anything useful, where a mistyped value would exhaust the memory.
MOST = {"steps": 100_000, "minibatch_size": 1_000_000, "units": 4_096, "embedding": 4_096}
MOST_SAMPLED = 1_000_000  # encodings
_NUMBERS = (
    "learning_rate",
    "clip",
    "entropy",
    "temperature",
    "sharpness",
    "untried",
    "anchored",
    "redrawn",
    "explore",
    "floor",
    "ceiling",
)


@dataclasses.dataclass(frozen=True)
class PPOConfig:
    """Settings of PPO.

    The defaults were chosen on synthetic tables and are the same for every space. With design, candidates, new_rounds,
    elite, floor and ceiling 0, advantages "normal", reference "drawn" and window 1, the strategy is PPO and nothing
    else.

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
        advantages: "normal" standardizes rewards over the window. "rank" and "soft" depend on the order of rewards
            only: "rank" favours the best few over the rest, "soft" compares each encoding's probability with the one
            that its rank deserves (`ppo/advantages.py`).
        temperature: for soft advantages, the weight of the entropy against normal scores of the ranks.
        reference: pi_old of the ratio. "drawn" is the distribution that a trial was sampled from; "latest" is the
            policy before the K steps, so that the clip bounds each update however old a trial is.
        design: number of initial batches that do not come from the policy but are Latin hypercubes
            (`latin_hypercube`).
        candidates: number of encodings sampled for each batch, from which the policy's preferred ones are selected
            (`ppo/candidates.py`); 0: proposals are sampled one after the other.
        sharpness: s, the exponent in the probability pi(a)^s of selecting a candidate.
        untried: bonus for a candidate with a choice that no trial in the replay buffer has, which counts as e^untried
            times as probable, since the policy knows nothing about that choice. After one Latin hypercube there are no
            such choices in decisions with at most as many choices as a batch has encodings.
        anchored: fraction, from 0 to 1, of the candidates, or of the new encodings sampled one after the other, that
            are sampled near the best: some decisions come from the policy, given those before them, and the others
            from the best encodings (`elite_marginals`).
        redrawn: mean number of decisions of an anchored encoding that come from the policy.
        near: number of further candidates, which differ from one of the best encodings in one decision.
        beam: number of best encodings that `near` mutates.
        new_rounds: largest number of rounds of samples for a batch, when encodings are sampled one after the other and
            those with known keys are rejected; log-probs are those of the distribution that excludes known encodings
            (`ppo/sampling.py`). 0: proposals are plain samples, with repeats, and none is anchored.
        explore: when the policy has nothing new to give, the mean number of decisions of a sample that are uniform; 0:
            repeats are proposed.
        elite: number of best trials of all that mini-batches are sampled from, besides the latest batch; advantages
            still compare them with the whole window. 0: mini-batches are sampled from the whole window.
        floor: an encoding with a negative advantage no longer moves the policy once it is e^-floor times as likely as
            under the uniform policy; 0: no such bound. Soft advantages need the bound only when most of a space is
            known.
        ceiling: an encoding with a positive advantage no longer moves the policy once it has this probability, until
            most encodings are known; 0: no such bound. Soft advantages have none either.
    """

    learning_rate: float = 0.02
    clip: float = 0.5
    steps: int = 10
    minibatch_size: int = 16
    entropy: float = 0.0
    window: int = 128
    units: int = 32
    embedding: int = 16
    distribute: str = NONE
    advantages: str = SOFT
    temperature: float = 0.5
    reference: str = LATEST
    design: int = 1
    candidates: int = 200
    sharpness: float = 3.0
    untried: float = 1.0
    anchored: float = 0.75
    redrawn: float = 1.5
    near: int = 100
    beam: int = 8
    new_rounds: int = 2
    explore: float = 2.0
    elite: int = 0
    floor: float = 3.0
    ceiling: float = 0.02

    def __post_init__(self) -> None:
        use_python_numbers(self)
        for name in ("steps", "minibatch_size", "units", "embedding"):
            check_at_least(name, getattr(self, name), 1, at_most=MOST[name])
        check_choice("distribute", self.distribute, DISTRIBUTE)
        for name in ("window", "design", "new_rounds", "elite"):
            check_at_least(name, getattr(self, name), 0)
        for name in ("candidates", "near"):
            check_at_least(name, getattr(self, name), 0, at_most=MOST_SAMPLED)
        check_at_least("beam", self.beam, 1, at_most=MOST_SAMPLED)
        for name in _NUMBERS:
            check_at_least(name, getattr(self, name), 0, integer=False)
        if self.ceiling > 1:
            raise InvalidValueError(f"ceiling={self.ceiling!r} is not allowed: it is a probability, from 0 to 1.")
        if self.anchored > 1:
            raise InvalidValueError(f"anchored={self.anchored!r} is not allowed: it is a fraction, from 0 to 1.")
        check_choice("advantages", self.advantages, ADVANTAGES)
        check_choice("reference", self.reference, REFERENCES)


@dataclasses.dataclass(frozen=True)
class PPOPredictorConfig(PPOConfig):
    """Settings of PPO with a predictor, in addition to those of PPO.

    Sharpness and untried do not affect the predictor's selection.

    Attributes:
        optimism: number of standard deviations added to a prediction (`predictors/gaussian_process.py`); 0: the mean
            alone counts.
        initial: number of keys observed before the predictor is used.
    """

    candidates: int = 400
    near: int = 200
    optimism: float = 3.0
    initial: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("candidates", "initial"):
            check_at_least(name, getattr(self, name), 1, at_most=MOST_SAMPLED)
        check_at_least("optimism", self.optimism, 0, integer=False)
