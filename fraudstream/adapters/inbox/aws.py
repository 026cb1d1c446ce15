"""Errors of S3 and SQS in our words."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from fraudstream.adapters.failures import AWS_CLIENT, PERMANENT, by_name, of_s3
from fraudstream.domain.errors import FraudstreamError, SetupError

CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "adaptive", "max_attempts": 5}, tcp_keepalive=True
)


class InboxUnavailable(FraudstreamError):
    """S3 or SQS does not answer; trying again may help."""

    later = True


@contextmanager
def aws_errors(place: str) -> Iterator[None]:
    """Raise InboxUnavailable if waiting may help, else SetupError."""
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        sort = of_s3(code_of(error), status)
        raise _error(place, error, sort) from error
    except (BotoCoreError, OSError) as error:
        raise _error(place, error, by_name(error, AWS_CLIENT)) from error


def code_of(error: ClientError) -> str:
    """Return AWS's word for an error."""
    code: str = error.response["Error"]["Code"]
    return code


def _error(place: str, error: Exception, sort: str) -> FraudstreamError:
    if sort != PERMANENT:
        return InboxUnavailable(f"{place}: {error}")
    return SetupError(f"{place}: {error}; check its name, and the AWS credentials and their rights")
