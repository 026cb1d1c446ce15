"""What talks to the world outside, one technology a room: Kafka, weekly stores, the archive, models, secrets."""
