"""Advantages A: the weight that PPO's loss gives to each trial.

The functions know arrays only; `ppo.py` applies the one that `PPOConfig.advantages` names.

Legend: `M` trials.
"""

import numpy as np

from nas_keras.strategies.base import finite_rewards

NORMAL, SOFT = "normal", "soft"
ADVANTAGES = (NORMAL, SOFT)


def standardize(rewards: np.ndarray) -> np.ndarray:
    """Scales rewards [M], NaN for failures, to mean 0 and standard deviation 1; all 0 if they are equal."""
    rewards = finite_rewards(rewards)
    deviation = rewards.std()
    if deviation < 1e-8:
        return np.zeros(len(rewards), np.float32)
    return ((rewards - rewards.mean()) / deviation).astype(np.float32)


def soft_advantages(scores: np.ndarray, log_probs: np.ndarray, *, temperature: float) -> np.ndarray:
    """Computes advantages of a reward that includes entropy: A = score - temperature * log pi(a), standardized.

    An encoding becomes more likely until its probability is what its score deserves, and less likely beyond that, so
    trials of any age keep teaching. The policy that has nothing left to learn is proportional to
    exp(score / temperature), the optimum if entropy is rewarded with that weight. At r = 1 the clipped loss has, up to
    the units of both, the gradient of the squared error of temperature * log pi(a) as a prediction of the score
    (Schulman, Chen & Abbeel 2017, https://arxiv.org/abs/1704.06440, section 4: policy gradients are soft Q-learning).

    Args:
        scores: normal scores of the ranks of rewards (`rank_scores`), [M]. If all are equal there is nothing to learn,
            and advantages are 0.
        log_probs: log-probabilities of whole encodings under the current policy, [M].
        temperature: weight of the entropy; 0 leaves the scores alone.

    Returns:
        float32 [M].
    """
    if np.ptp(scores) < 1e-8:
        return np.zeros(len(scores), np.float32)
    return standardize(scores - temperature * log_probs)
