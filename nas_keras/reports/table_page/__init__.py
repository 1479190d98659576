"""The page of a table of rewards.

Reading order: `page.py` (the page as a whole), `sections.py` (its sections) and `limits.py` (sections on noise and
order). The figures come from `reports/table_facts.py`.
"""
