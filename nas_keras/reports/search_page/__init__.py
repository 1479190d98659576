"""The page of one or several searches.

Reading order: `page.py` (the page as a whole), `facts.py` (its figures), `tables.py` (its tables and the settings),
`winner.py` (the best child and its model card) and `commands.py` (the commands that make it again).
"""
