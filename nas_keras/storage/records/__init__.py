"""Trials as records in files, with one schema for the writer and the reader.

Read `schema.py` first (the features of a record and their checks), then `origin.py` (the space, recipe and run that
records have in common), `trial_values.py` (a trial as the values of a record), `shards.py` (atomic files of records),
`shard_folder.py` (numbered shards, and records that wait for theirs) and `tfrecord.py` (the framing).
"""
