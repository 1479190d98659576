"""Measurements of this package on the machine at hand; `launch/benchmark.py` runs them."""
