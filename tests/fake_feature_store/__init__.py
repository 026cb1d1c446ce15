"""A SageMaker Feature Store of our own over real HTTP: the wire format, the quotas, and faults on demand."""
