"""The page of a table of rewards.

Read `page.py` first, then `facts.py`, `sections.py` and `limits.py`.
"""
