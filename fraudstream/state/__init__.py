"""Compares a worker's RocksDB and the changelog with the source log, repairs them, and divides them when topics grow."""
