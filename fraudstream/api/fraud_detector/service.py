"""What a request may be: botocore's own description of the service, which the SDKs are made from."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator

from fraudstream.api.fraud_detector.errors import invalid

SERVICE = "frauddetector"
PER_PAGE, PER_PAGE_OF_SAGEMAKER = "maxResults", "MaxResults"
PYTHON_LACKS = r"\p{"
"""A pattern with it is not checked: Python's regular expressions have no classes of Unicode."""


class Service:
    """The operations and the shapes of what they take and give."""

    def __init__(self, name: str = SERVICE) -> None:
        """`name`: as botocore calls the service."""
        self._model = ServiceModel(Loader().load_service_model(name, "service-2"), name)
        self.signing_name: str = self._model.signing_name
        self.target_prefix: str = self._model.metadata.get("targetPrefix", "")
        self.operations = frozenset(self._model.operation_names)

    def operation(self, name: str) -> OperationModel:
        """Return the description of an operation."""
        return self._model.operation_model(name)

    def asked(self, operation: str, body: bytes) -> dict[str, Any]:
        """Return what a request asks, with the page size that counts if it names none; raises ServiceError."""
        return self.checked(operation, object_in(body))

    def checked(
        self, operation: str, said: dict[str, Any], lenient: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        """Return what a request asks; raises ServiceError. `lenient`: members whose pattern the service itself does not keep to."""
        shape = self.operation(operation).input_shape
        if shape is None:
            return said
        said = {name: value for name, value in said.items() if value is not None}
        try:
            report = ParamValidator().validate(said, shape)
        except RecursionError as error:
            raise invalid("the body is nested too deeply") from error
        except (RuntimeError, ValueError, OverflowError) as error:  # of a number that is no time
            raise invalid("the body has a time that is none") from error
        if report.has_errors():
            raise invalid(report.generate_report())
        for wrong in mistakes(
            {name: value for name, value in said.items() if name not in lenient}, shape, ""
        ):
            raise invalid(wrong)
        for name in (PER_PAGE, PER_PAGE_OF_SAGEMAKER):
            if name in shape.members:
                said.setdefault(name, shape.members[name].metadata["max"])
        return said


def object_in(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a body is, an empty one if there is no body; raises ServiceError."""
    try:
        said = msgspec.json.decode(body or b"{}")
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise invalid(f"the body is not JSON: {error}") from error
    if not isinstance(said, dict):
        raise invalid("the body is not an object")
    return said


def mistakes(value: Any, shape: Any, place: str) -> Iterator[str]:
    """Yield what botocore does not look at: lengths above the maximum, patterns and words of a list of words."""
    yield from _own_mistakes(value, shape, place)
    if shape.type_name == "structure":
        for name, inner in value.items():
            if name in shape.members:
                yield from mistakes(inner, shape.members[name], f"{place}.{name}".lstrip("."))
    elif shape.type_name == "list":
        for number, inner in enumerate(value):
            yield from mistakes(inner, shape.member, f"{place}[{number}]")
    elif shape.type_name == "map":
        for name, inner in value.items():
            yield from mistakes(name, shape.key, f"{place} (key)")
            yield from mistakes(inner, shape.value, f"{place}.{name}")


def _own_mistakes(value: Any, shape: Shape, place: str) -> Iterator[str]:
    longest, pattern = shape.metadata.get("max"), shape.metadata.get("pattern", PYTHON_LACKS)
    size = value if isinstance(value, int | float) else len(value) if hasattr(value, "__len__") else 0
    if longest is not None and size > longest:
        yield f"the value at '{place}' failed to satisfy constraint: at most {longest}"
    if not isinstance(value, str):
        return
    if "\x00" in value:
        yield f"the value at '{place}' has a character that no database takes"
    if PYTHON_LACKS not in pattern and not re.fullmatch(pattern, value):
        yield f"the value at '{place}' failed to satisfy constraint: must satisfy the regular expression {pattern}"
    words = shape.metadata.get("enum")
    if words and value not in words:
        yield f"the value at '{place}' failed to satisfy constraint: must be one of {', '.join(words)}"
