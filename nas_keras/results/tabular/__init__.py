"""Trials as rows of named values, for people and for the tools that they have open.

Read `rows.py` first: one column for each decision and each result, as CSV or a data frame. `selection.py` filters and
sorts rows, and `optuna_study.py` copies trials to a study of Optuna.
"""
