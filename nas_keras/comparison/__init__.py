"""Strategies compared on problems whose every reward is known, over many seeds.

Read `problems.py` first, then `synthetic.py` and `synthetic_cells.py` (made-up rewards), `compare.py` (the searches)
and `summary.py` (regrets with intervals, curves).
"""
