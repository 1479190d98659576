"""The search itself: ask, look up, evaluate, store, tell.

Read `search.py` first (`nk.search`), then `loop.py` (order and chance), `budget.py` (when it ends), `proposing.py`,
`open_batch.py` and `arrivals.py` (a batch on its way), `checkpointing.py` and `monitoring.py` (TensorBoard). What a
strategy proposes is left to `strategies`, what a reward is to `evaluators`.
"""
