"""Proximal policy optimisation: the strategy that the program is named after.

Read `ppo.py` first (ask and tell), then `loss.py` (TF-Agents' clipped loss), `advantages.py`, `replay_buffer.py`,
`sampling.py` and `candidates.py` (proposals that do not repeat), and `config.py` (every setting).
"""
