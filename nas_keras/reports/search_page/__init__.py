"""The page of one or several searches.

Read `page.py` first, then `facts.py`, `sections.py`, `goals.py`, `commands.py` and `searches.py`.
"""
