"""What the worker is compared with: each module here is a program of its own, started by the benchmark."""
