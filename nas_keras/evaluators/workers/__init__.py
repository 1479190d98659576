"""A pool of worker processes: tasks in, futures out. It knows nothing about the tasks.

Read `pool.py` first, then `worker.py` (one process, seen from the search), `worker_process.py` (the other side),
`shared_arrays.py` (arrays that all workers map) and `devices.py` (the devices and the environment of each worker). The
setup for training children is left to `evaluators/training_pool.py`.
"""
