"""The card of an exported child: what it is, how good it is, and for what it may be used.

Read `card.py` first (the text, MODEL_CARD.md), then `facts.py` (what it is made from), `sections.py` and
`networks.py` (its parts), `accuracy.py` (intervals, confusion matrix, mistakes), `pictures.py` and `markdown.py`.
"""
