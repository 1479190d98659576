"""Measurements of this package on the machine at hand; `launch/benchmark.py` runs them.

Read `throughput.py` first (children per hour, compared with `plain.py`, which trains them without this package), then
`memory.py` and `resident.py` (growth of the processes), `overhead.py` (time per trial), `proposing.py` (time of PPO)
and `startup.py` (time until the first proposal).
"""
