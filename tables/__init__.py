"""What a worker remembers.

`activity` is the one table: every entity's ten minutes, in RocksDB and its changelog. `recent` and `timeline` are kept in
memory for the pages. The others are parts of the table: layout, store, one micro-batch, recovery, checks.
"""
