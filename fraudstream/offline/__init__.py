"""Prepares and evaluates what the worker uses, by hand or at night: plain functions over Parquet, no Kafka, no Faust."""
