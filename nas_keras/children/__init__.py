"""Child networks: an architecture becomes a Keras model, is trained, and is measured.

Read `build.py` first (stem, cells, head), then `network.py` (cells, or a user's own function), `train_config.py` (the
settings of the training), `training.py` (this is where the reward is computed; `training_state.py` lets it continue),
`batches.py` (the images of a step) and `augmentation.py` (how they are flipped, rotated and shifted).
`named_recipes.py` has the settings of child and training as a recipe, `defaults.py` those that follow from the data,
and `caveats.py` the warnings about an accuracy that says little. `ensemble.py` joins trained children. The costs of a
child are in `flops.py`, `latency.py` and `cell_costs.py`. Which children are trained, and in which process, is left to
`evaluators`.
"""
