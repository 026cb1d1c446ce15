"""Errors as programs written for Amazon Fraud Detector expect them."""

FORBIDDEN = 403


class ServiceError(Exception):
    """A request that is not answered: `code` is the name of an exception of the service."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def invalid(message: str) -> ServiceError:
    """Return the error of a request that can never be answered."""
    return ServiceError("ValidationException", message)


def absent(message: str) -> ServiceError:
    """Return the error of a request about something that is not there."""
    return ServiceError("ResourceNotFoundException", message)


def conflict(message: str) -> ServiceError:
    """Return the error of a request that something else forbids now."""
    return ServiceError("ConflictException", message)


def unavailable(message: str) -> ServiceError:
    """Return the error of a request that may be answered later; SDKs ask again."""
    return ServiceError("InternalServerException", message, 500)
