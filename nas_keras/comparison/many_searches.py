"""Many searches of one space by the same strategy: one for each seed, with the graphs of the strategy traced once.

Each search is the real one (`nk.search`, without a workdir), so repeated keys, budgets and `max_trials` behave as they
do for a user.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from nas_keras.evaluators.base import Evaluator
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.strategies import Strategy

if TYPE_CHECKING:
    from nas_keras.runner.search import SearchResult


class FinishedSearch(NamedTuple):
    """A search and the strategy that made it, which is renewed when the next search begins."""

    strategy: Strategy
    result: "SearchResult"


class ManySearches:
    """Searches of one space in this process.

    Args:
        space: the space to search.
        evaluator: gives the rewards.
    """

    def __init__(self, space: SearchSpace, evaluator: Evaluator):
        self._space, self._evaluator = space, evaluator
        self._traced: dict[str, Strategy] = {}

    def run(
        self,
        label: str,
        make: Callable[[int], Strategy],
        seeds: Iterable[int],
        *,
        batch_size: int,
        max_evaluations: int,
        max_trials: int | None = None,
    ) -> Iterator[FinishedSearch]:
        """Runs a search for each seed, only when the iterator reaches it.

        Args:
            label: identifies the strategy and its configuration; searches with the same label share traced graphs.
            make: seed -> a new strategy.
            seeds: seeds of the searches.
            batch_size: proposals in a batch.
            max_evaluations: distinct evaluations in each search.
            max_trials: proposals in each search, repeats included; None for the default of `nk.search`.
        """
        # The import loads TensorFlow, which a worker process may do only after its environment is set.
        from nas_keras.runner.search import search

        for seed in seeds:
            strategy = self._reuse(label, make(seed))
            result = search(
                self._space,
                self._evaluator,
                strategy=strategy,
                max_evaluations=max_evaluations,
                max_trials=max_trials,
                batch_size=batch_size,
            )
            yield FinishedSearch(strategy, result)

    def _reuse(self, label: str, fresh: Strategy) -> Strategy:
        """The strategy that was traced under this label, turned into `fresh`; `fresh` itself if it has no graphs."""
        if not hasattr(fresh, "controller"):
            return fresh
        traced = self._traced.setdefault(label, fresh)
        if traced is not fresh:
            renew(traced, fresh)
        return traced


def renew(strategy: Strategy, fresh: Strategy) -> None:
    """Turns a used strategy into `fresh`, a new one of the same space and configuration.

    The strategy then behaves bit for bit as `fresh` would, without tracing its graphs again: graphs depend on shapes
    only, everything learned is in `state()`, and all randomness derives from the seed and counters.
    """
    strategy.restore(fresh.state())
    strategy.seed, strategy.metrics = fresh.seed, fresh.metrics
