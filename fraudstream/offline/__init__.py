"""What prepares and judges the worker, run by hand or by night: plain functions over Parquet, no Kafka, no Faust."""
