"""Evaluators: they take architectures and return rewards. An evaluator never sees a policy.

Read `base.py` first (the interface), then `function.py` (a function that the user gives), `table.py` (precomputed
rewards), `training.py` (trained children), `training_pool.py` (the processes of `workers/` that train them) and
`operation_check.py` (the check of operations before the first child). The training of a child is left to `children`.
"""
