"""Pages and pictures of results (extra `[report]`).

The package turns tables and runs into figures, text and pictures. It trains nothing; searches on a table are left to
`comparison/`, and reading runs to `results/`.

Reading order: `table_page/` (the page of a table) and `search_page/` (the page of searches). Both use `table_facts.py`
(a table and its figures) on `table_statistics.py` and `main_effects.py`, `searches_section.py` and `table_command.py`
(parts of both pages), and `markdown.py`, `plots/` and `page_folder.py` (text, pictures, files). `standings.py` ranks
cells that were trained longer.
"""
