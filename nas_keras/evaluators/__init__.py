"""Evaluators: they take architectures and return rewards. An evaluator never sees a policy.

Read `base.py` first (the interface), then `function.py` (a function that the user gives), `table.py` (precomputed
rewards), `training.py` (trained children), `limits.py` and `screening.py` (children that are too large to be trained),
`objective.py` (what a search maximizes), `training_jobs.py` (children that are being trained), `training_task.py` (what
a worker does with one of them), `training_pool.py` (the processes of `workers/` that train children) and
`operation_check.py`, `network_check.py` and `step_check.py` (checks of a user's code before the first child). The
training of a child is left to `children`.
"""
