"""Files on disk: a run's folder, the dataset D, tables of rewards and checkpoints.

Rewards are computed by `evaluators/`, and `results/` writes exported children and repairs corrupt folders. In reading
order:

- `run_folder.py`: paths, lock and configuration file of a run;
- `records/`: a trial as one record, records in shards, shards in a folder;
- `dataset.py`: D, the trials of one run;
- `recipe.py`: everything that a reward depends on besides key and seed;
- `table.py` and `table_writer.py`: tables of rewards;
- `run_config.py` and `run_identity.py`: reading a run's configuration, and checking that a start may continue the run;
- `sources.py` and `agreement.py`: opening any run or table, and checking that two are of the same space and recipe;
- `taking.py` and `warm_start.py`: reusing the rewards of other folders in a table or a search;
- `checkpoints.py` and `npz.py`: the strategy's state.
"""
