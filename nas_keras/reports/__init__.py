"""Pages and pictures of results (extra `[report]`).

The package turns tables and runs into figures, text, pictures and one HTML file. It trains nothing; searches on a table
are left to `comparison/`, and reading runs to `results/`.

Reading order: `table_page.py` (the page of a table) and `search_page/` (the page of searches). Both gather facts
(`table_facts.py`, `statistics.py`, `importance.py`, `standings.py`, `searches_table.py`), and hand them to
`rendering.py`, which fills in `templates/`: README.md, whose text and tables `markdown.py` escapes, and index.html,
with its interactive table from `rows.py` and its charts from `charts.py`. `plots/` draws the pictures, and
`page_folder.py` writes the files. `reward_check.py` compares a search's reward with longer trainings.
"""
