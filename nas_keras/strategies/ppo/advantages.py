"""Advantages: the weight that PPO gives to each trial, and the references that bound how far each one moves the policy.

The functions are named by settings of `PPOConfig`. They know arrays only; `ppo.py` applies them to the replay buffer.

Legend: `M` trials in the replay buffer, `B` of them in the latest batch; `T` decisions, `N` the largest number of
choices.
"""

import numpy as np

from nas_keras.strategies.base import finite_rewards
from nas_keras.strategies.ranks import rank_scores

DRAWN, LATEST = "drawn", "latest"
REFERENCES = (DRAWN, LATEST)
_RANK_DECAY = 4
_NUM_ELITES, _ELITE_DECAY = 8, 2.0


def standardize(rewards: np.ndarray) -> np.ndarray:
    """Scales rewards [M], NaN for failures, to mean 0 and standard deviation 1; all 0 if they are equal."""
    rewards = finite_rewards(rewards)
    deviation = rewards.std()
    if deviation < 1e-8:
        return np.zeros(len(rewards), np.float32)
    return ((rewards - rewards.mean()) / deviation).astype(np.float32)


def rank_advantages(rewards: np.ndarray) -> np.ndarray:
    """Computes advantages from ranks alone: exp(-k / 4) for the ranks k = 0 (best) to M - 1, standardized.

    Whatever the scale of rewards, only the best few are imitated, and the more trials are known, the more strictly.
    Natural evolution strategies use fitness shaping by ranks (Wierstra et al. 2014,
    https://jmlr.org/papers/v15/wierstra14a.html, section 3.1); their weights, the positive part of
    log(M/2 + 1) - log(k + 1), led to more regret on the tables used for tuning. Equal rewards share the mean of their
    weights.

    Args:
        rewards: [M]; NaN for failures.

    Returns:
        float32 [M].
    """
    rewards = finite_rewards(rewards)
    weights = np.exp(-np.arange(len(rewards)) / _RANK_DECAY)
    _, group, counts = np.unique(-rewards, return_inverse=True, return_counts=True)
    return standardize((np.add.reduceat(weights, np.cumsum(counts) - counts) / counts)[group])


def soft_advantages(scores: np.ndarray, log_probs: np.ndarray, *, temperature: float) -> np.ndarray:
    """Computes advantages of a reward that includes entropy: A = score - temperature * log pi(a), standardized.

    An encoding becomes more likely until its probability is what its score deserves, and less likely beyond that, so
    trials of any age keep teaching. The policy that has nothing left to learn is proportional to
    exp(score / temperature), the optimum if entropy is rewarded with that weight. At r = 1 the clipped loss has, up to
    the units of both, the gradient of the squared error of temperature * log pi(a) as a prediction of the score
    (Schulman, Chen & Abbeel 2017, https://arxiv.org/abs/1704.06440, section 4: policy gradients are soft Q-learning).

    Args:
        scores: [M]. If all are equal there is nothing to learn, and advantages are 0.
        log_probs: log-probabilities of whole encodings under the current policy, [M].
        temperature: weight of the entropy; 0 leaves the scores alone.

    Returns:
        float32 [M].
    """
    if np.ptp(scores) < 1e-8:
        return np.zeros(len(scores), np.float32)
    return standardize(scores - temperature * log_probs)


def select_trials(rewards: np.ndarray, *, batch: int, elite: int) -> np.ndarray:
    """Selects the trials to learn from: the latest `batch` and the `elite` best; all trials if `elite` is 0.

    Learning repeatedly from the best is the priority queue of Abolafia et al. 2018, https://arxiv.org/abs/1801.03526.

    Args:
        rewards: [M]; NaN for failures.
        batch: B, the number of latest trials.
        elite: number of best trials.

    Returns:
        Indices in ascending order.
    """
    count = len(rewards)
    if not elite:
        return np.arange(count)
    best = np.argsort(-finite_rewards(rewards), kind="stable")[:elite]
    return np.union1d(best, np.arange(max(0, count - batch), count))


def bound_references(
    log_probs: np.ndarray, advantages: np.ndarray, *, clip: float, floor: float, ceiling: float
) -> np.ndarray:
    """Moves log pi_old so that the clipped loss stops moving encodings that are unlikely or likely enough.

    With a negative advantage the loss has no gradient once r < 1 - epsilon. Here log pi_old is at least `floor`, so a
    bad encoding is not pushed to ever smaller probabilities, from where r could explode. With a positive advantage
    there is no gradient once r > 1 + epsilon. Here pi_old (1 + epsilon) is at most exp(`ceiling`), so no encoding takes
    all the probability.

    Args:
        log_probs: log-probabilities of whole encodings under the reference policy, [M].
        advantages: [M].
        clip: epsilon.
        floor: a log-probability.
        ceiling: a log-probability.

    Returns:
        log pi_old, float32 [M].
    """
    low = np.maximum(log_probs, floor)
    high = np.minimum(log_probs, ceiling - np.log1p(clip))
    return np.where(advantages < 0, low, np.where(advantages > 0, high, log_probs)).astype(np.float32)


def elite_marginals(actions: np.ndarray, rewards: np.ndarray, *, widest: int) -> np.ndarray | None:
    """Computes how often each choice occurs among the best encodings, with rank k weighted by exp(-k / 2).

    The marginals of decisions are independent, as in population-based incremental learning (Baluja 1994), but the
    encodings are the best of the whole replay buffer, not of the latest generation.

    Args:
        actions: different encodings, [M, T].
        rewards: [M]; NaN for failures.
        widest: N, the largest number of choices.

    Returns:
        Probabilities of each decision's choices, float32 [T, N]; None if no trial succeeded.
    """
    best = np.argsort(-rewards, kind="stable")[:_NUM_ELITES]  # NaN comes last
    best = best[~np.isnan(rewards[best])]
    if not len(best):
        return None
    weights = np.exp(-np.arange(len(best)) / _ELITE_DECAY)
    marginals = np.zeros((actions.shape[1], widest))
    for weight, encoding in zip(weights / weights.sum(), actions[best], strict=True):
        marginals[np.arange(len(encoding)), encoding] += weight
    return marginals.astype(np.float32)


NORMAL, RANK, SOFT = "normal", "rank", "soft"
# Rewards [M] -> advantages [M]; for soft advantages only the scores, from which `soft_advantages` subtracts log pi.
ADVANTAGES = {NORMAL: standardize, RANK: rank_advantages, SOFT: rank_scores}
