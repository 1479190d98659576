"""The page of a table.

`facts.py` reads the table and computes its figures, and `page.py` puts the page together.
"""
