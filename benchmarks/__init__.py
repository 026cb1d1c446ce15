"""How fast is it? One run on one embedded broker compares the worker with its peers: `python -m benchmarks`."""
