"""The steps after a search: runs are read, the best children are trained longer and exported, tables are filled.

Read `runs.py` and `loaded_run.py` first, with `tabular/` (trials as rows, for data frames, CSV and Optuna), then
`export.py` (the best children) with `exportable_run.py`, `exporting/`, `export_folder.py`, `formats/` and
`model_card/`, `time_budget.py` (a time limit that includes the final training), `precompute.py` (filling a table),
`pareto.py` (accuracy against cost), `policy_history.py` (what a controller learned), `alarms.py` (what went wrong) and
`repair.py` (corrupt folders). Pages are left to `reports`.
"""
