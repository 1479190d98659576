"""Everything that is on disk: a run's folder, the dataset D, tables of rewards and checkpoints.

Read `run_folder.py` first (paths, lock, configuration), then `records/` (a trial as one record, records in files),
`dataset.py` (D of one run), `table.py` and `table_writer.py` (tables of rewards), `recipe.py` (what a reward depends
on), `run_config.py` and `run_identity.py` (what a run says of itself, and whether a start may continue it), `taking.py`
and `warm_start.py` (what other folders know), `checkpoints.py` and `npz.py` (the strategy's state).
"""
