"""A pool of worker processes: tasks in, futures out. It does not know what a task is.

Read `pool.py` first, then `worker.py` (one process, seen from the search), `worker_process.py` (the other side),
`shared_arrays.py` (images that all workers map) and `devices.py` (which GPU or core is whose).
"""
