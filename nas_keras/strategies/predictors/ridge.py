"""A predictor of rewards: an ensemble of ridge regressions on the features of an encoding and the products of two.

PNAS (Liu et al. 2018, https://arxiv.org/abs/1712.00559, section 3.3) predicts with LSTMs or MLPs, five of them, each
fitted anew to four fifths of the data. Here the five are ridge regressions, which need neither a training loop nor
TensorFlow and rank better while the data are few. Spearman's correlation on 1,000 cells of `large(3)` not fitted,
synthetic rewards, four tables:

    fitted to             48      120 cells
    ridge, five members   0.89    0.93
    LSTM, five members    0.82    0.87      (32 units, 60 epochs)
    MLP, five members     0.41    0.75      (two layers of 64, 60 epochs)

With phi(x) the features of x and s(x, y) = phi(x) . phi(y) / d, the kernel is k = 1 + s + s^2: a ridge regression with
a constant, every feature and every product of two of them, of which nothing of that size is ever made; or exp(4 s),
whose series has products of any number of features, as a rugged landscape needs. Which of them, and which penalty, is
chosen anew for each fit, by leaving out each encoding in turn.

Legend: `M` encodings to fit, `N` to predict, `E` members, `T` decisions.
"""

import statistics
from collections.abc import Callable

import numpy as np

Kernel = Callable[[np.ndarray], np.ndarray]  # s -> k, of the same shape

# Penalties to choose from, relative to the mean of k(x, x): from trusting every reward to hardly any.
_PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


class RidgeEnsemble:
    """Ridge regressions in their dual form, fitted on creation; what a member has not seen weighs 0 in it.

    Args:
        shared: s of all pairs, [M, M].
        targets: [M].
        members: E; each is fitted to all but one E-th of the encodings, or to all of them if it is the only one.
        rng: deals the encodings out.

    Attributes:
        kernel, penalty: of all members, see `choose_kernel`.
    """

    def __init__(self, shared: np.ndarray, targets: np.ndarray, *, members: int, rng: np.random.Generator):
        self._mean = targets.mean()
        centred = targets - self._mean
        self.kernel, self.penalty = choose_kernel(shared, centred)
        kernel = self.kernel(shared)
        self._weights = np.zeros((len(targets), members))
        for member, left_out in enumerate(np.array_split(rng.permutation(len(targets)), members)):
            seen = np.delete(np.arange(len(targets)), left_out if members > 1 else [])
            penalised = kernel[np.ix_(seen, seen)] + self.penalty * np.eye(len(seen))
            self._weights[seen, member] = np.linalg.solve(penalised, centred[seen])

    def predict(self, shared: np.ndarray) -> np.ndarray:
        """Each member's prediction, [N, E], from s of what is predicted and what was fitted, [N, M]."""
        return self._mean + self.kernel(shared) @ self._weights


def quadratic(shared: np.ndarray) -> np.ndarray:
    """k = 1 + s + s^2, of any shape."""
    return 1 + shared + shared * shared


def exponential(shared: np.ndarray) -> np.ndarray:
    """k = exp(4 s), of any shape. Of exponents 1, 2, 4, 6, 8 and 12 this and 6 ordered rugged tables best."""
    return np.exp(4 * shared)


_KERNELS: tuple[Kernel, ...] = (quadratic, exponential)


def count_equal(encodings: np.ndarray, others: np.ndarray) -> np.ndarray:
    """In how many decisions encodings agree, [N, T] and [M, T] -> [N, M]: phi(x) . phi(y) of one-hot features.

    The one-hot features are never made: a space may have a thousand choices in each of a hundred decisions.
    """
    equal = np.zeros((len(encodings), len(others)), np.int32)
    for t in range(encodings.shape[1]):
        equal += encodings[:, t, None] == others[None, :, t]
    return equal


def rank_scores(rewards: np.ndarray) -> np.ndarray:
    """Normal scores of the ranks of rewards [M], the same for equal ones; NaN, a failure, is below every number.

    With them only the order counts: a child that went astray is the worst of M, not a hundred deviations away.
    """
    comparable = np.where(np.isnan(rewards), -np.inf, rewards)
    _, place, counts = np.unique(comparable, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # from 1; of equal ones the middle
    quantile_of = statistics.NormalDist().inv_cdf
    return np.array([quantile_of(share) for share in (ranks - 0.5) / len(rewards)])[place]


def choose_kernel(shared: np.ndarray, targets: np.ndarray) -> tuple[Kernel, float]:
    """Chooses the kernel and penalty with the least error where each encoding in turn is left out and predicted.

    With H = (K + penalty I)^-1 the error at encoding i is (H y)_i / H_ii (Rasmussen & Williams 2006, equation 5.12):
    one decomposition of K [M, M] is enough for all penalties.

    Args:
        shared: s of all pairs, [M, M].
        targets: of mean 0, [M].
    """
    found: list[tuple[float, Kernel, float]] = []
    for kernel in _KERNELS:
        gram = kernel(shared)
        values, vectors = np.linalg.eigh(gram)
        for relative in _PENALTIES:
            penalty = relative * float(np.diag(gram).mean())
            inverse = vectors / (values.clip(0) + penalty)  # H = inverse @ vectors.T
            residuals = inverse @ (vectors.T @ targets) / np.sum(inverse * vectors, axis=1)
            found.append((float(np.mean(residuals**2)), kernel, penalty))
    _, kernel, penalty = min(found, key=lambda fit: fit[0])
    return kernel, penalty
