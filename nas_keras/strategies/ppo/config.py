"""The settings of PPO, apart from `ppo/ppo.py` so that they import no TensorFlow."""

import dataclasses

from nas_keras._tensorflow import DISTRIBUTE, NONE
from nas_keras.errors import InvalidValueError, check_at_least, check_choice, use_python_numbers
from nas_keras.strategies.ppo import advantages as shaping

# Beyond these, which are far from anything useful, it is a slip, and memory is not enough.
MOST = {"steps": 100_000, "minibatch_size": 1_000_000, "units": 4_096, "embedding": 4_096}
MOST_DRAWN = 1_000_000  # encodings
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
    """Settings of PPO. The defaults were chosen on synthetic tables, and are the same for every space.

    With design, candidates, new_rounds, elite, floor and ceiling 0, advantages "normal", reference "drawn" and window 1
    it is PPO and nothing else.

    Attributes:
        learning_rate: of Adam.
        clip: epsilon of the clipped ratio.
        steps: K, steps of SGD after each batch.
        minibatch_size: m, trials in one step.
        entropy: c, weight of the policy's entropy in the loss, summed over decisions. Soft advantages have an entropy
            of their own.
        window: from how many of the latest batches the mini-batches are drawn; 0 means all of D, and then the time for
            a batch grows with D.
        units: of the LSTM.
        embedding: of an action.
        distribute: "none" or "mirrored": where the controller lives, see `_tensorflow.py`.
        advantages: "normal" are rewards with mean 0 and deviation 1 over the window; "rank" and "soft" depend on the
            order only: the best few against the rest, or how far each encoding's probability is from what its rank
            deserves (`ppo/advantages.py`).
        temperature: of soft advantages, the weight of the entropy against normal scores of the ranks.
        reference: pi_old of the ratio: "drawn" is the distribution that a trial was drawn from, "latest" the policy
            before the K steps, so that the clip bounds each update, however old a trial is.
        design: so many of the first batches are not the policy's, but cover every choice evenly
            (`new_encodings.cover`).
        candidates: so many encodings are drawn for each batch, and proposals are those of them that the policy holds
            for
            the best (`ppo/candidates.py`); 0: proposals are drawn one after the other.
        sharpness: s, a candidate is chosen with a probability proportional to pi(a)^s.
        untried: a candidate with a choice that no trial remembered has, or with several, counts as e^untried times as
            probable: the policy knows nothing of those. After a design of one batch there are none where a decision
            has no more choices than the batch has encodings.
        anchored: this share, from 0 to 1, of candidates, or of new encodings drawn one after the other, is drawn near
            the best: some decisions from the policy, as they follow on what stands before them, the others as one of
            the best encodings has them (`shaping.anchor`).
        redrawn: so many decisions of an anchored encoding, on average, are the policy's.
        near: candidates that differ from one of the best in one decision; besides the others.
        beam: how many of the best are changed.
        new_rounds: of encodings drawn one after the other one whose key is known is drawn again, in at most so many
            rounds of samples for a batch, and the log-probs are those of the distribution without what is known
            (`ppo/sampling.py`); 0: proposals are plain samples, repeats among them, and none is anchored.
        explore: where the policy has nothing new to give, so many decisions of its samples, on average, are drawn
            uniformly; 0: repeats are proposed.
        elite: mini-batches are drawn from the latest batch and so many of the best trials of all, which go on being
            compared with the whole window; 0: from the whole window.
        floor: an encoding with a negative advantage is let go of once it is e^-floor times as likely as in a uniform
            policy; 0: never. Soft advantages let go by themselves, until most of a space is known.
        ceiling: an encoding with a positive advantage is let go of once it has this probability, until most encodings
            are
            known; 0: never. Nor is it for soft advantages.
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
    advantages: str = shaping.SOFT
    temperature: float = 0.5
    reference: str = shaping.LATEST
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

    def __post_init__(self):
        use_python_numbers(self)
        for name in ("steps", "minibatch_size", "units", "embedding"):
            check_at_least(name, getattr(self, name), 1, at_most=MOST[name])
        check_choice("distribute", self.distribute, DISTRIBUTE)
        for name in ("window", "design", "new_rounds", "elite"):
            check_at_least(name, getattr(self, name), 0)
        for name in ("candidates", "near"):
            check_at_least(name, getattr(self, name), 0, at_most=MOST_DRAWN)
        check_at_least("beam", self.beam, 1, at_most=MOST_DRAWN)
        for name in _NUMBERS:
            check_at_least(name, getattr(self, name), 0, integer=False)
        if self.ceiling > 1:
            raise InvalidValueError(f"ceiling={self.ceiling!r} is not allowed: it is a probability, from 0 to 1.")
        if self.anchored > 1:
            raise InvalidValueError(f"anchored={self.anchored!r} is not allowed: it is a share, from 0 to 1.")
        check_choice("advantages", self.advantages, shaping.ADVANTAGES)
        check_choice("reference", self.reference, shaping.REFERENCES)


@dataclasses.dataclass(frozen=True)
class PPOPredictorConfig(PPOConfig):
    """Settings of PPO with a predictor: those of PPO (of which sharpness and untried have no say in its choice), and

    Attributes:
        optimism: standard deviations that are added to what is predicted, see `predictors/gaussian_process.py`; 0: the
            mean counts alone.
        initial: encodings that are told before anything is predicted.
    """

    candidates: int = 400
    near: int = 200
    optimism: float = 3.0
    initial: int = 8

    def __post_init__(self):
        super().__post_init__()
        for name in ("candidates", "initial"):
            check_at_least(name, getattr(self, name), 1, at_most=MOST_DRAWN)
        check_at_least("optimism", self.optimism, 0, integer=False)
