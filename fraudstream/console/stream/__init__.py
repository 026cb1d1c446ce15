"""The room where the stream is watched: topics, their records, and dead letters."""
