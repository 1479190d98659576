"""Child networks: a cell becomes a Keras model, is trained, and is measured.

Read `build.py` first (stem, cells, head), then `training.py` (this is where the reward is computed), `batches.py` (the
images of a step, and how they are shifted), `named_recipes.py` (the settings of child and training as a recipe) and
`caveats.py` (warnings about an accuracy that says little). Which children are trained, and in which process, is left to
`evaluators`.
"""
