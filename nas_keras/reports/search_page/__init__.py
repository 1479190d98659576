"""The page of one or several searches.

Reading order: `page.py` (the page as a whole), `facts.py` (its figures), `tables.py` (its tables, the winner, the
settings) and `commands.py` (the commands that make it again).
"""
