"""Where new files are found: a directory, a prefix in S3, and the queue that S3 tells of new objects."""
