"""Pages and pictures of results (extra `[report]`).

`table_page/` writes the page of a table and `search_page/` that of searches; `searches_section.py` is the section that
both have. Their parts are `page_folder.py` and `markdown.py` (files and text), `plots/` (pictures), `table_facts.py`,
`table_statistics.py`, `standings.py` and `main_effects.py` (figures), and `table_command.py` (the command that fills a
table).
"""
