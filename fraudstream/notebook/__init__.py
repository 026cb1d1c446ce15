"""fraudstream in a notebook or a program: a detector that decides frames, data sets and reports, without Kafka and without a worker."""
