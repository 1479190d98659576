"""Proximal policy optimisation: the strategy that the program is named after.

Read `ppo.py` first (ask and tell), then `loss.py` (TF-Agents' clipped loss), `advantages.py` (the weights of trials),
`replay_buffer.py` (the trials learned from), and `config.py` (every setting). The policy itself is left to
`controller`.
"""
