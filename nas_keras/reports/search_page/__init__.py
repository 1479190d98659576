"""The page of one or several searches.

Reading order: `page.py` (the page as a whole), `facts.py` (its figures), `sections.py`, `goals.py` and `commands.py`
(its sections).
"""
