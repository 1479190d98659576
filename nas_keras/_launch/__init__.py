"""The code that the scripts in `launch/` share; a script only defines flags, wires objects and prints results.

Read `script.py` first (start and end of a script, exit codes). Flags that belong together are a group, a class that
defines them once and makes the object that they describe: `space_flags.py`, `image_flags.py`, `worker_flags.py`,
`config_flags.py` (a flag for each field of a configuration) and `user_code.py` (files of a user's), with the checks of
`flag_checks.py`; for one cell by itself `cell_flags.py`; for a search also `search_flags.py` (strategy, budget, goal),
`reward_flags.py` (children or a table) and `final_flags.py` (the longer training, and the time limit). A script creates
the groups that it needs when it is imported (`SPACE = SpaceFlags()`) and asks them for their objects in `main()`
(`SPACE.space()`); absl lists the flags as the script's own in --help. What a script prints is in `plan.py` (before a
search), `progress.py` (while it works) and `results.py` (of a finished search). `commands.py` has the scripts as
console commands of an installed package.
"""
