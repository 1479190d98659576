"""Progressive search (PNAS): cells that grow node by node, ranked by a predictor.

Read `progressive.py` first (the strategy), then `cell_growth.py` (candidates in a space of cells) and `candidates.py`
(candidates in any other space). The predictor is left to `strategies/predictors`.
"""
