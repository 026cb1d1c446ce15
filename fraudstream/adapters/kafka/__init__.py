"""Kafka: reading and publishing exactly, administration, rights, and what its errors and limits mean for a worker."""
