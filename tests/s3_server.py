"""An S3 to test with: moto's server, as a process of its own."""

import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from string import ascii_lowercase

import boto3
import pytest

START_TIMEOUT_S = 60


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """Yield the address of an S3 of this module."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + START_TIMEOUT_S
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a bucket of this test, with AWS's configuration as users set it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name = "b" + "".join(secrets.choice(ascii_lowercase) for _ in range(32))  # digits may be a card number
    boto3.client("s3").create_bucket(Bucket=name)
    return name
