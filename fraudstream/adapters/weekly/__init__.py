"""The stores of weekly aggregates: files, disk, Redis, Feature Store, and what stands between them and a worker."""
