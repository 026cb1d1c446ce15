"""What a worker remembers.

`activity` is the one table: every card's ten minutes, in RocksDB and its changelog. `recent` and `timeline` are kept in memory
for the pages. The others are parts of the table: its layout, its store, one micro-batch, what is looked at before it is trusted.
"""
