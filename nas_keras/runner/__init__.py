"""The search itself: ask, look up, evaluate, store, tell.

Read `search.py` first (`nk.search`) with its steps `settings.py` (the checks), `opening.py` (the run's folder) and
`result.py`, then `loop.py`. The parts of the loop are `budget.py` (limits and counts), `proposing.py` (asking and
telling, and the replay of D), `lookup.py` (cache hits and jobs), `open_batch.py` (a batch between ask and tell),
`arrivals.py` (evaluations as they finish), `checkpointing.py` (the strategy's state), `stopping.py` (the clock and the
callbacks) and `monitoring/` (the live line, alarms, TensorBoard). The choice of proposals is left to `strategies`,
rewards to `evaluators`, and files to `storage`.
"""
