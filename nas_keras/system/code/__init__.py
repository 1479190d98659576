"""The identity of a user's code: a function with everything that it reads, so that no run continues with other code.

Read `fingerprint.py` first (what counts, and how two identities differ), then `walk.py` (from a function to everything
that it reads), `objects.py` (what functions, classes and objects hold), `values.py` (values of standard types, and
which are state), `source.py` (the text of one function) and `parts.py` (the parts of an identity). What is done with an
identity is left to the recipes of `storage`.
"""
