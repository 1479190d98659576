"""Progressive search (PNAS): cells that grow node by node, ranked by a predictor.

Read `progressive.py` first (the strategy), then `candidates.py` (the interface of what depends on the kind of space),
`cell_growth.py` (candidates in a space of cells) and `near_the_best.py` (candidates in any other space). The predictor
is left to `strategies/predictors`.
"""
