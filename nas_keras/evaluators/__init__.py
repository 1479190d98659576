"""Evaluators: architectures in, rewards out. An evaluator never sees a policy.

Read `base.py` first (the interface), then `function.py` (a function of the user's), `table.py` (precomputed rewards),
`training.py` (children trained in the processes of `workers/`) and `operation_check.py` (operations are tried before
the first child). How a child is trained is left to `children`.
"""
