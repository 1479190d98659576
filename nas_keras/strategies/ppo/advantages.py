"""What PPO makes of the rewards in its window: advantages, which trials are learned from, how far each is moved.

Each is a named setting of `PPOConfig`; the page of measurements says what it gave.

Legend: `M` trials in the window, `B` of them in the latest batch; `T` decisions, `A` the largest number of choices.
"""

import numpy as np

from nas_keras.strategies.base import finite_rewards
from nas_keras.strategies.predictors.ridge import rank_scores

DRAWN, LATEST = "drawn", "latest"
REFERENCES = (DRAWN, LATEST)
_BEST_FEW = 4
_ANCHORS, _ANCHOR_DECAY = 8, 2.0


def advantages(rewards: np.ndarray) -> np.ndarray:
    """Rewards [M], NaN for failures, normalised to mean 0 and standard deviation 1; all 0 where they are equal."""
    rewards = finite_rewards(rewards)
    spread = rewards.std()
    if spread < 1e-8:
        return np.zeros(len(rewards), np.float32)
    return ((rewards - rewards.mean()) / spread).astype(np.float32)


def rank_advantages(rewards: np.ndarray) -> np.ndarray:
    """Advantages by rank alone: exp(-k / 4) for the ranks k = 0 (best) to M - 1, with mean 0 and standard deviation 1.

    Only the best few are worth imitating, whatever the scale of rewards, and the more are known the more so. Fitness
    shaping by ranks is that of natural evolution strategies, Wierstra et al. 2014,
    https://jmlr.org/papers/v15/wierstra14a.html, section 3.1; its own weights, the positive part of
    log(M/2 + 1) - log(k + 1), had more regret on the tables used for tuning. Equal rewards share the mean of their
    weights.
    """
    rewards = finite_rewards(rewards)
    weights = np.exp(-np.arange(len(rewards)) / _BEST_FEW)
    _, place, counts = np.unique(-rewards, return_inverse=True, return_counts=True)
    return advantages((np.add.reduceat(weights, np.cumsum(counts) - counts) / counts)[place])


def soft_advantages(scores: np.ndarray, log_probs: np.ndarray, *, temperature: float) -> np.ndarray:
    """Advantages where entropy is a part of the reward: score - temperature * log pi(a), normalised.

    An encoding is raised as long as it is less likely than its score deserves, and lowered once it is likelier, so that
    trials of any age go on teaching: the policy that has nothing left to learn is proportional to
    exp(score / temperature), the best one where entropy is rewarded with that weight. At r = 1 the clipped loss has the
    gradient of the squared error of temperature * log pi(a) as a prediction of the score, up to the units of both
    (Schulman, Chen & Abbeel 2017, https://arxiv.org/abs/1704.06440, section 4: policy gradients are soft Q-learning).

    Args:
        scores: [M]; where all are equal there is nothing to learn, and advantages are 0.
        log_probs: of whole encodings under the present policy, [M].
        temperature: weight of the entropy; 0 leaves the scores.
    """
    if np.ptp(scores) < 1e-8:
        return np.zeros(len(scores), np.float32)
    return advantages(scores - temperature * log_probs)


def choose_trials(rewards: np.ndarray, *, batch: int, elite: int) -> np.ndarray:
    """Places of the trials to learn from, in order: the latest `batch` and the `elite` best; all if `elite` is 0.

    Learning again from the best is the priority queue of Abolafia et al. 2018, https://arxiv.org/abs/1801.03526.
    """
    count = len(rewards)
    if not elite:
        return np.arange(count)
    best = np.argsort(-finite_rewards(rewards), kind="stable")[:elite]
    return np.union1d(best, np.arange(max(0, count - batch), count))


def bound_references(
    log_probs: np.ndarray, advantages: np.ndarray, *, clip: float, floor: float, ceiling: float
) -> np.ndarray:
    """log pi_old, moved so that the clipped loss lets go of encodings whose probability is low or high enough.

    With a negative advantage the loss stops once r < 1 - clip; log pi_old is at least `floor`, so that a bad encoding
    is not pushed to ever smaller probabilities, from where r could explode. With a positive one it stops once r > 1 +
    clip; pi_old (1 + clip) is at most `ceiling`, so that no encoding takes all the probability.

    Args:
        log_probs: of encodings under the reference policy, [M].
        advantages: [M].
        clip: epsilon.
        floor: a log-probability.
        ceiling: a log-probability.
    """
    low = np.maximum(log_probs, floor)
    high = np.minimum(log_probs, ceiling - np.log1p(clip))
    return np.where(advantages < 0, low, np.where(advantages > 0, high, log_probs)).astype(np.float32)


def anchor(actions: np.ndarray, rewards: np.ndarray, *, widest: int) -> np.ndarray | None:
    """Shares of each decision's choices among the best encodings, float32 [T, A]; None if none succeeded.

    Rank k = 0, 1, ... weighs exp(-k / 2). Every decision is independent of the others, as in population-based
    incremental learning (Baluja 1994), but the encodings are the best of all remembered, not of the latest generation.

    Args:
        actions: of different encodings, [M, T].
        rewards: [M], NaN for failures.
        widest: A, the largest number of choices.
    """
    best = np.argsort(-rewards, kind="stable")[:_ANCHORS]  # NaN comes last
    best = best[~np.isnan(rewards[best])]
    if not len(best):
        return None
    weights = np.exp(-np.arange(len(best)) / _ANCHOR_DECAY)
    shares = np.zeros((actions.shape[1], widest))
    for weight, encoding in zip(weights / weights.sum(), actions[best], strict=True):
        shares[np.arange(len(encoding)), encoding] += weight
    return shares.astype(np.float32)


NORMAL, RANK, SOFT = "normal", "rank", "soft"
# For soft advantages these are the scores, from which what the policy holds of each encoding is still to be taken.
ADVANTAGES = {NORMAL: advantages, RANK: rank_advantages, SOFT: rank_scores}
