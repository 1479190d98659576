"""A Gaussian process over encodings: what to expect of each, how far off that may be, and which batch to evaluate next.

The mean is the ridge regression of `predictors/ridge.py` with the same kernel and penalty; the process adds a deviation
to it (Rasmussen & Williams 2006, equations 2.25 and 2.26). A batch is chosen as GP-BUCB does (Desautels, Krause &
Burdick 2014, https://jmlr.org/papers/v15/desautels14a.html, equation 7 and Algorithm 1): the encoding with the highest
mean plus so many deviations comes first; then deviations shrink as if it had been evaluated and had brought just its
mean, and so on. Encodings that would tell the same thing do not fill a batch.

Legend: `M` encodings to fit, `N` to choose from, `n` to choose.
"""

from collections.abc import Callable

import numpy as np

from nas_keras.strategies.predictors.ridge import choose_kernel

_SMALLEST = 1e-9  # variance, which rounding may make negative


class Posterior:
    """A Gaussian process given rewards, fitted on creation.

    Args:
        shared: s of all pairs, see `predictors/ridge.py`, [M, M].
        targets: [M].

    Attributes:
        kernel, penalty: see `choose_kernel`.
        variance: what kernel and penalty are multiplied with to be a covariance: with it the squared errors of leaving
            each encoding out are on average as large as the process expects them to be.
    """

    def __init__(self, shared: np.ndarray, targets: np.ndarray):
        self._mean = targets.mean()
        centred = targets - self._mean
        self.kernel, self.penalty = choose_kernel(shared, centred)
        root = np.linalg.cholesky(self.kernel(shared) + self.penalty * np.eye(len(targets)))
        self._whiten = np.linalg.inv(root)
        inverse = self._whiten.T @ self._whiten
        self._weights = inverse @ centred
        # Of each encoding left out: error w / H, expected square 1 / H, with H the diagonal of the inverse.
        self.variance = float(np.mean(self._weights**2 / np.diag(inverse)))

    def choose(
        self,
        n: int,
        shared: np.ndarray,
        own: np.ndarray,
        among: Callable[[int], np.ndarray],
        *,
        optimism: float,
    ) -> list[int]:
        """Places of at most n encodings, the one to evaluate first in front.

        Args:
            n: how many.
            shared: s of each with each that was fitted, [N, M].
            own: s of each with itself, [N].
            among: place of one -> s of each with it, [N].
            optimism: deviations that are added to the mean.
        """
        covariance = self.kernel(shared)
        means = self._mean + covariance @ self._weights
        rows = self._whiten @ covariance.T  # [M, N]
        left = self.kernel(own) - np.sum(rows**2, axis=0)  # variances, in units of `variance`
        is_open = np.ones(len(means), bool)
        chosen: list[int] = []
        for _ in range(min(n, len(means))):
            deviations = np.sqrt(self.variance * np.maximum(left, _SMALLEST))
            best = int(np.argmax(np.where(is_open, means + optimism * deviations, -np.inf)))
            chosen.append(best)
            is_open[best] = False
            row = self.kernel(among(best)) - rows[:, best] @ rows
            row /= np.sqrt(max(left[best], _SMALLEST) + self.penalty)
            rows = np.concatenate([rows, row[None]])
            left = left - row**2
        return chosen
