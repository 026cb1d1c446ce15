"""Is the state what the log says? Comparing a worker's RocksDB, the changelog and the source log, and mending them."""
