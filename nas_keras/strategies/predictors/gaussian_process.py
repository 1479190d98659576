"""A Gaussian process over encodings, which predicts rewards with their uncertainty and selects the next batch.

The mean is the ridge regression of `predictors/ridge.py`, with the same kernel and penalty; the process adds a standard
deviation (Rasmussen & Williams 2006, equations 2.25 and 2.26). A batch is selected by GP-BUCB (Desautels, Krause &
Burdick 2014, https://jmlr.org/papers/v15/desautels14a.html, equation 7 and Algorithm 1):

    x_i = argmax_x mu(x) + beta sigma_i(x)

where sigma_i is the standard deviation as if x_1, ..., x_{i-1} had been observed with their means as rewards. Encodings
that would teach the same thing therefore do not fill a batch.

Legend: `M` fitted encodings, `N` candidates, `n` to select.
"""

from collections.abc import Callable

import numpy as np

from nas_keras.strategies.predictors.ridge import select_kernel

_MIN_VARIANCE = 1e-9  # rounding may make a variance negative


class GaussianProcess:
    """A Gaussian process given rewards, fitted on creation.

    Args:
        similarities: s of all pairs, see `predictors/ridge.py`, [M, M]; that of an encoding with itself is 1.
        targets: [M].

    Attributes:
        kernel, penalty: see `select_kernel`.
        variance: factor that turns kernel and penalty into covariances. With it the squared leave-one-out errors are on
            average as large as the process expects.
    """

    def __init__(self, similarities: np.ndarray, targets: np.ndarray):
        self._mean = targets.mean()
        centred = targets - self._mean
        self.kernel, self.penalty = select_kernel(similarities, centred)
        root = np.linalg.cholesky(self.kernel(similarities) + self.penalty * np.eye(len(targets)))
        self._whiten = np.linalg.inv(root)
        inverse = self._whiten.T @ self._whiten
        self._weights = inverse @ centred
        # An encoding that is left out has the error w / H and the expected square 1 / H, H the diagonal of the inverse.
        self.variance = float(np.mean(self._weights**2 / np.diag(inverse)))

    def predict(self, similarities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predicts rewards.

        Args:
            similarities: s of each candidate with each fitted encoding, [N, M].

        Returns:
            Means mu [N] and standard deviations sigma [N], of rewards without noise.
        """
        means, _, left = self._condition(similarities)
        return means, self._deviations(left)

    def select(
        self,
        n: int,
        similarities: np.ndarray,
        similarities_to: Callable[[int], np.ndarray],
        *,
        optimism: float,
    ) -> list[int]:
        """Selects at most n candidates.

        Args:
            n: number of candidates to select.
            similarities: s of each candidate with each fitted encoding, [N, M].
            similarities_to: candidate's index -> s of each candidate with it, [N].
            optimism: beta, the number of standard deviations added to the mean.

        Returns:
            Indices of candidates, the one to evaluate first in front.
        """
        means, rows, left = self._condition(similarities)
        is_open = np.ones(len(means), bool)
        selected: list[int] = []
        for _ in range(min(n, len(means))):
            bounds = means + optimism * self._deviations(left)
            best = int(np.argmax(np.where(is_open, bounds, -np.inf)))
            selected.append(best)
            is_open[best] = False
            row = self.kernel(similarities_to(best)) - rows[:, best] @ rows
            row /= np.sqrt(max(left[best], _MIN_VARIANCE) + self.penalty)
            rows = np.concatenate([rows, row[None]])
            left = left - row**2
        return selected

    def _condition(self, similarities: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns means [N], whitened covariances [M, N], and what they leave of the variances, in `variance`s, [N]."""
        covariance = self.kernel(similarities)
        rows = self._whiten @ covariance.T
        return (
            self._mean + covariance @ self._weights,
            rows,
            self.kernel(np.ones(len(similarities))) - np.sum(rows**2, axis=0),
        )

    def _deviations(self, left: np.ndarray) -> np.ndarray:
        return np.sqrt(self.variance * np.maximum(left, _MIN_VARIANCE))
