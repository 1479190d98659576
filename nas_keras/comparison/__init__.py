"""Comparison of strategies on problems whose every reward is known, over many seeds.

The package runs searches and computes regrets from them. Pages and pictures are left to `reports/`, and a search itself
to `runner/`.

Reading order: `problems.py` (a space with all its rewards) on `npz_table.py`, `synthetic.py` and
`synthetic_cells.py`; `contenders.py` (strategies with settings), `many_searches.py` (one search for each seed),
`compare.py` (contenders against each other, in parallel processes), `summary.py` (regrets with intervals, CSV) and
`table_searches.py` (PPO against uniform sampling, for a page).
"""
