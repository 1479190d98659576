"""Training children and writing them in all formats, in worker processes.

`planning.py` plans the exports of a run's best children, `children.py` goes from plans to the files of each child, and
`final_training.py` has the tasks of a worker. `cell_training.py` exports a cell without a search.
"""
