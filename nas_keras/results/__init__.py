"""What comes after a search: runs that are read, the best children trained longer and exported, tables filled.

Read `runs.py` first, then `export.py`, `export_folder.py` and `saved_model.py` (the best children), `precompute.py`
(filling a table), `policy_history.py` (what a controller learned) and `repair.py` (damaged folders). Pages are left to
`reports`.
"""
