"""What the scripts in `launch/` share.

`script.py` is the start and the end of a script (exit codes), and `progress.py` shows what a script is doing.
"""
