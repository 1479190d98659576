"""This process and this machine: files, folders, cores and signals, and the identity of a user's code. No TensorFlow.

The package knows nothing of runs and tables; `storage/` defines what is in their files. In reading order:

- `paths.py` makes paths that a user names absolute;
- `atomic_files.py` writes files atomically, into a folder that `locks.py` holds;
- `output_files.py` checks the files that a script writes at its end;
- `descriptors.py` opens closed standard streams, `cgroups.py` reads the cores and memory of a container;
- `mapped_files.py` maps arrays in files;
- `words.py` puts what is counted into the plural;
- `figures.py` makes matplotlib's figures;
- `python_process.py` starts a Python process that imports nothing from the current folder;
- `user_files.py` imports a user's Python file by its path;
- `interrupts.py` defers Ctrl-C until a step is complete;
- `code/` identifies a function by its code and by the values that it reads.
"""
