"""What the tests of tables share: a tiny space, and an evaluator that counts and can be killed."""

import nas_keras as nk
from nas_keras.evaluators.base import Evaluator
from nas_keras.storage.table import read_table
from nas_keras.trial import Evaluation

TINY_SPACE = nk.SearchSpace("tiny", [nk.Decision("a", (0, 1, 2)), nk.Decision("b", (0, 1))])
OTHER_SPACE = nk.SearchSpace("other", [nk.Decision("a", (0, 1))])


class CountingEvaluator(Evaluator):
    """The reward tells key and seed; stops with an exception after `limit` jobs, as a killed process would."""

    def __init__(self, limit=None, recipe=None, reverse=False):
        self.recipe = recipe or {"kind": "fake"}
        self.limit, self.reverse, self.evaluated = limit, reverse, []

    def evaluate(self, jobs):
        for job in reversed(jobs) if self.reverse else jobs:
            if self.limit is not None and len(self.evaluated) == self.limit:
                raise KeyboardInterrupt
            self.evaluated.append((job.key, job.seed))
            yield job, Evaluation(reward_of(job.key, job.seed), test_accuracy=0.5, seconds=1.0)


def reward_of(key, seed):
    return sum(map(int, key.split(","))) + seed % 1000 / 1000


def rows_of_table(path):
    return [(t.trial, t.key, t.seed, str(t.evaluation)) for t in read_table(path).trials]
