"""What a search shows while it runs: a live line, named alarms, and TensorBoard.

Read `observers.py` first, which the loop tells of every step and which tells the others: `progress.py` (the live line),
`alarms.py` (what is going wrong, and what to change) and `tensorboard.py`, whose parts are `children_table.py` (the tab
HParams), `pictures.py`, `texts.py` and `events.py` (the files). `training_progress.py` is the bar of an export. None of
them changes a search.
"""
