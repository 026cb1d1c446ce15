"""What talks to the world outside, one technology a file: Kafka, weekly stores, the archive, model files, the process."""
