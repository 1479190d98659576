"""Learned predictors of the reward, and the strategy that screens PPO's proposals with one.

Read `gaussian_process.py` first, then `ridge.py` (which `strategies/progressive` uses) and `ppo_predictor.py`.
"""
