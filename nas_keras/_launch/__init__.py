"""The code that the scripts in `launch/` share; a script only defines flags, wires objects and prints results.

Read `script.py` first (start and end of a script, exit codes), then `flags.py` (the flags of a space, of images and of
workers, each defined once), `config_flags.py` (a flag for each field of a configuration), `user_code.py` (files of
a user's), `progress.py` (the output of a script while it works), `results.py` (that of a finished search) and
`commands.py` (the scripts as console commands of an installed package).
"""
