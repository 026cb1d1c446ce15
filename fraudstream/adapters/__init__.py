"""One technology a file, each behind a small Protocol of the domain."""
