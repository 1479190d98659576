"""Progressive search (PNAS): cells that grow node by node, ranked by a predictor.

Read `progressive.py` first, then `cell_growth.py` (the candidates in a space of cells) and `candidates.py` (in any
other).
"""
