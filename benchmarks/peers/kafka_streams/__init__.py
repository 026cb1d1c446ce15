"""The worker's job written for Kafka Streams in Java, and how it is built."""
