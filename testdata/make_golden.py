"""Writes golden/trials-000000.tfrecord, which tests/storage/records/shards_test.py reads; never over one that is there.

Usage: python testdata/make_golden.py
"""

import math
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from nas_keras.storage.records.origin import Origin  # noqa: E402  (found by the line above)
from nas_keras.storage.records.shards import write_shard  # noqa: E402  (found by the line above)
from nas_keras.trial import Evaluation, Trial  # noqa: E402

_PATH = pathlib.Path(__file__).resolve().parent / "golden" / "trials-000000.tfrecord"


def main() -> None:
    """Writes the file."""
    if _PATH.exists():
        sys.exit(f"{_PATH} is there. It stays as it is: a new schema gets a golden file of its own.")
    good = Evaluation(
        reward=0.9375, valid_accuracy=0.9375, loss=0.1, num_params=974, epochs=3, seconds=12.5, test_accuracy=0.90625
    )
    trials = [
        Trial(
            trial=16,
            iteration=2,
            policy=1,
            seed=2**31 - 1,
            actions=(1, 1, 1, 0, 7, 1),
            log_probs=(-2.0794415, -0.6931472, -0.5, -1.0986123, -0.0, -1e-40),
            key="add(conv_3x3[conv_3x3],identity)",
            cached=False,
            evaluation=good,
        ),
        Trial(17, 2, 1, 0, (0, 7), (), "0,7", False, Evaluation.failure("it took longer than 60 s", seconds=60.25)),
        Trial(18, 2, 2, 5, (0, 0), (-1.5, -math.inf), "0,0", True, Evaluation(-0.25, loss=math.inf)),
    ]
    write_shard(_PATH, trials, Origin(space="a3fec98ae0823bd0", recipe="44136fa355b3678a"))


if __name__ == "__main__":
    main()
