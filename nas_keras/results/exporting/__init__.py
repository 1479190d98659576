"""Training children and writing them in all formats, in worker processes.

`planning.py` plans the exports of a run's best children by `final_settings.py`, `children.py` goes from plans to the
files of each child, `final_training.py` has the tasks of a worker (with `training_checkpoint.py`, by which a killed
training continues), and `measured_writing.py` the second half of the second one; `accuracies.py` adds standard errors.
`cell_training.py` exports a cell without a search, and `ensemble.py` several children as one model, which
`exported_ensemble.py` describes.
"""
