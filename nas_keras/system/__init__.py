"""This process and this machine: files, folders, cores and signals, and the identity of a user's code. No TensorFlow.

`paths.py` makes the paths that a user names absolute; `atomic_files.py` writes a file completely or not at all, into a
folder that `locks.py` holds; `output_files.py` checks the files that a script writes at its end. `descriptors.py` opens
closed standard streams, `cgroups.py` reads the cores of a container, `python_process.py` starts a Python process that
imports nothing from the current folder, and `interrupts.py` puts off Ctrl-C within a step. `code_fingerprint.py`,
`code_walk.py` and `code_source.py` identify a function by its code.
"""
