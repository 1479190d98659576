"""Pictures: functions that return matplotlib figures.

`style.py` holds what all of them share. On it, `table_plots.py` draws a table, `run_plots.py` searches and
`comparison_plot.py` a comparison of strategies. The picture of a cell is `spaces/cell_plot.py`.
"""
