"""The job in Java: what Kafka Streams and Flink share, and how both are built."""
