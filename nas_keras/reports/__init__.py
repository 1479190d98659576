"""Pages and pictures of results (extra `[report]`).

The package turns tables and runs into figures, text, pictures and one HTML file. It trains nothing; searches on a table
are left to `comparison/`, and reading runs to `results/`.

Reading order: `table_page/` (the page of a table) and `search_page/` (the page of searches). Both gather facts
(`statistics.py`, `importance.py`, `standings.py`), put them into `sections.py`, the interactive table (`rows.py`) and
`charts.py`, and hand all to `page.py`. It has `rendering.py` fill in `templates/`: README.md, whose text and tables
`markdown.py` escapes, index.html, and the texts of both. `plots/` draws the pictures, and `page_folder.py` writes the
files. `reward_check.py` compares a search's reward with longer trainings.
"""
