"""Predictors of the reward, and the strategy that selects PPO's proposals with one.

Read `features.py` first (features of a cell or an encoding), then `ridge.py` (the regression, which
`strategies/progressive` uses too), `gaussian_process.py` (the same with uncertainty) and `ppo_predictor.py` (the
strategy).
"""
