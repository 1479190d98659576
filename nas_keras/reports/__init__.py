"""Pages and pictures of results (extra `[report]`).

`table_page/` makes the page of a table and `search_page/` that of searches. Both are written with `page_folder.py`,
`markdown.py`, `plots.py`, `run_plots.py`, `cell_plot.py`, `table_statistics.py`, `standings.py` and `main_effects.py`.
"""
