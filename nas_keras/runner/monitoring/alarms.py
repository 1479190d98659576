"""Named alarms: signs in the trials of a search that it goes wrong, each with what to change.

An alarm is raised once, at the first batch that shows its sign. Alarms are computed from what is told, batch by batch,
so a page finds the same ones in a finished run (`results/alarms.py`).
"""

import collections
import dataclasses
import math
from collections.abc import Mapping, Sequence

from nas_keras.children.caveats import near_median
from nas_keras.spaces.architecture_names import name_architecture
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.trial import Trial

COLLAPSED, LOW_ENTROPY, LARGE_KL = "policy collapsed", "low entropy", "large KL"
NOTHING_NEW, FAILURES, NOISE = "nothing new", "most children fail", "within noise"
NAMES = (COLLAPSED, LOW_ENTROPY, LARGE_KL, NOTHING_NEW, FAILURES, NOISE)

_LARGEST_SHARE = 0.75  # of one key in a batch
_SMALLEST_BATCH = 4  # in which a share says something
_LEAST_ENTROPY = 0.05  # of that of the uniform policy
_LARGEST_KL = 2.0  # nats; the first batches of a healthy search reach 1.5, later ones stay near 0.1
_EXPLORE = "larger temperature (of soft advantages), a larger entropy"
_STEADY = 5  # batches in a row for which entropy or KL must be out of bounds
_IDLE_TRIALS, _IDLE_BATCHES = 100, 10  # trials without a new key, at least, and as many batches
_FEWEST_CHILDREN = 8  # of which a share of failures says something


@dataclasses.dataclass(frozen=True)
class Alarm:
    """One alarm.

    Attributes:
        name: one of `NAMES`.
        iteration: the batch that showed it.
        text: what is wrong, and what to change, in one or two sentences.
    """

    name: str
    iteration: int
    text: str

    def __str__(self) -> str:
        return f"Alarm, {self.name}: {self.text}"


class AlarmWatch:
    """Watches the batches of one search.

    Args:
        space: the space that is searched.
        num_images: number of validation images on which an accuracy is measured; None: unknown, or no accuracy.
    """

    def __init__(self, space: SearchSpace, num_images: int | None = None):
        self._space, self._num_images = space, num_images
        self._uniform = sum(math.log(n) for n in space.num_choices)  # the largest entropy, in nats
        self._raised: set[str] = set()
        self._known: set[str] = set()
        self._num_idle = 0  # the latest trials without a new key
        self._num_evaluated = self._num_failed = 0
        self._reasons: collections.Counter[str] = collections.Counter()
        self._accuracies: list[float] = []
        self._steady: collections.Counter[str] = collections.Counter()  # alarm -> batches in a row that show its sign

    def observe(self, batch: Sequence[Trial], metrics: Mapping[str, float]) -> list[Alarm]:
        """Observes a batch that was told; returns the alarms that it is the first to raise.

        Args:
            batch: its trials.
            metrics: the strategy's metrics, such as "entropy" and "kl", in nats.
        """
        self._count(batch)
        signs = {
            COLLAPSED: self._collapsed(batch),
            LOW_ENTROPY: self._low_entropy(metrics),
            LARGE_KL: self._large_kl(metrics),
            NOTHING_NEW: self._nothing_new(batch),
            FAILURES: self._failures(),
        }
        return self._raise(signs, batch[0].iteration)

    def end(self, iteration: int) -> list[Alarm]:
        """Returns the alarms that only the end of a search shows, after batch `iteration`."""
        return self._raise({NOISE: self._noise()}, iteration)

    def _raise(self, signs: Mapping[str, str | None], iteration: int) -> list[Alarm]:
        new = [Alarm(name, iteration, text) for name, text in signs.items() if text and name not in self._raised]
        self._raised.update(alarm.name for alarm in new)
        return new

    def _count(self, batch: Sequence[Trial]) -> None:
        for trial in batch:
            self._num_idle = self._num_idle + 1 if trial.key in self._known else 0
            self._known.add(trial.key)
            if trial.cached or trial.evaluation.refused:
                continue
            self._num_evaluated += 1
            if trial.evaluation.failed:
                self._num_failed += 1
                self._reasons[trial.evaluation.status] += 1
            elif not math.isnan(trial.evaluation.valid_accuracy):
                self._accuracies.append(trial.evaluation.valid_accuracy)

    def _collapsed(self, batch: Sequence[Trial]) -> str | None:
        ((key, count),) = collections.Counter(trial.key for trial in batch).most_common(1)
        if len(batch) < _SMALLEST_BATCH or count <= _LARGEST_SHARE * len(batch):
            return None
        name = name_architecture(self._space, next(trial.actions for trial in batch if trial.key == key))
        return (
            f"{count} of the {len(batch)} proposals are {name}, so the policy explores hardly anything else. Use a "
            f"{_EXPLORE} or a smaller learning_rate (strategy_config), or another seed."
        )

    def _low_entropy(self, metrics: Mapping[str, float]) -> str | None:
        entropy = metrics.get("entropy", math.inf)
        if not self._is_steady(LOW_ENTROPY, entropy < _LEAST_ENTROPY * self._uniform):
            return None
        return (
            f"the policy's entropy is {entropy:.3g} nats, less than {_LEAST_ENTROPY:.0%} of the {self._uniform:.3g} of "
            f"a uniform policy. Use a {_EXPLORE} or a smaller learning_rate (strategy_config)."
        )

    def _large_kl(self, metrics: Mapping[str, float]) -> str | None:
        kl = metrics.get("kl", 0.0)
        if not self._is_steady(LARGE_KL, kl > _LARGEST_KL):
            return None
        return (
            f"an update changes the policy by a KL divergence of {kl:.3g} nats, more than {_LARGEST_KL:g} for "
            f"{_STEADY} batches in a row: it learns from trials that it would hardly propose any more. Use a smaller "
            "learning_rate, fewer steps or a smaller window (strategy_config)."
        )

    def _is_steady(self, name: str, shown: bool) -> bool:
        self._steady[name] = self._steady[name] + 1 if shown else 0
        return self._steady[name] >= _STEADY

    def _nothing_new(self, batch: Sequence[Trial]) -> str | None:
        if self._num_idle < max(_IDLE_TRIALS, _IDLE_BATCHES * len(batch)):
            return None
        if self._space.num_keys is not None and len(self._known) >= self._space.num_keys:
            return None  # there is nothing left to find
        return (
            f"the latest {self._num_idle:,} proposals repeat what is known. End the search, or use a {_EXPLORE} "
            "(strategy_config), another seed or a larger space."
        )

    def _failures(self) -> str | None:
        if self._num_evaluated < _FEWEST_CHILDREN or 2 * self._num_failed <= self._num_evaluated:
            return None
        ((reason, count),) = self._reasons.most_common(1)
        return (
            f"{self._num_failed:,} of {self._num_evaluated:,} children have failed, {count:,} of them: "
            f"{reason.removeprefix('failed: ')}. Remove the cause first: a smaller learning_rate for losses that are "
            "not finite, smaller children or batches for memory, a longer child_timeout."
        )

    def _noise(self) -> str | None:
        return None if self._num_images is None else near_median(self._accuracies, self._num_images)
