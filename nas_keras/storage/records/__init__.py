"""Trials as records in files, one schema for the writer and the reader.

Read `schema.py` first (the features of a record and their checks), then `shards.py` (atomic files of records) and
`tfrecord.py` (the framing).
"""
