"""What a strategy is asked for, so that it comes to the same state however often a search is started.

A search that is started again asks for the batches in D once more, for as many encodings as stand there. So does one
that goes on after its budget cut a batch, which happens if evaluations were refused and the budget has room again.
"""

import collections
from collections.abc import Sequence

from absl import logging

from nas_keras.runner.open_batch import Asked, rows_of
from nas_keras.storage.dataset import Dataset
from nas_keras.strategies import Strategy
from nas_keras.strategies.base import State
from nas_keras.trial import Proposals, Trial


class Proposing:
    """Asks the strategy of one search.

    Args:
        strategy: that is asked.
        dataset: D of the search.
        asked: batches that had been asked and not told at the checkpoint that the strategy goes on from.

    Attributes:
        asked: of those, the ones that are still to be opened.
    """

    def __init__(self, strategy: Strategy, dataset: Dataset, asked: Sequence[Asked]):
        self._strategy, self._dataset = strategy, dataset
        self.asked: collections.deque[Asked] = collections.deque(asked)
        self._before: State | None = None  # the state before the latest batch was asked, if it may be cut
        self._cut: tuple[State, int] | None = None  # the state before a batch was cut, and what is left of the batch

    def ask(self, n: int, *, may_be_cut: bool) -> Asked:
        """Asks for at most n new proposals; `may_be_cut` says whether the budget may drop some of them."""
        self._before = None
        if self.asked:
            return self.asked.popleft()
        self._rewind()
        policy = self._strategy.num_told
        if may_be_cut:
            self._before = self._strategy.state()
        return policy, self._strategy.ask(n)

    def cut(self, count: int) -> None:
        """Takes note that all but `count` of the proposals just asked for were dropped."""
        self._cut = (self._before, count) if self._before is not None else None

    def ask_again(self, trials: Sequence[Trial], batch_size: int) -> Proposals:
        """Asks for a batch that stands in D: what was asked then is what counts."""
        proposals = self.asked.popleft()[1] if self.asked else self._strategy.ask(len(trials))
        is_whole = len(trials) >= batch_size  # a budget may have dropped trials in the middle of a batch
        if is_whole and [trial.actions for trial in trials] != [actions for actions, _ in rows_of(proposals)]:
            logging.log_first_n(
                logging.WARNING,
                "Batch %d in D is not what this machine proposes: the run was made by another version or processor. "
                "D counts.",
                1,
                trials[0].iteration,
            )
        return proposals

    def _rewind(self) -> None:
        """Lets the strategy forget the proposals that were dropped."""
        if self._cut is None:
            return
        (state, count), self._cut = self._cut, None
        num_told = self._strategy.num_told
        self._strategy.restore(state)
        self._strategy.ask(count)
        for trials in self._dataset.batches[self._strategy.num_told : num_told]:
            self._strategy.tell(trials)
