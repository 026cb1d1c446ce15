"""The table of operations in the documentation, compared with what botocore knows of the service."""

import re
from pathlib import Path

from tests.api.fraud_detector.door import MODEL

PAGE = Path(__file__).parents[3] / "docs" / "fraud-detector.md"


def test_the_page_has_every_operation_of_the_service_once() -> None:
    """An operation that a newer botocore has is missed here."""
    section = (
        PAGE.read_text().split("## Operations")[1].split("All of the service:")[1].split("And of two")[0]
    )
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| ")][1:]
    named = [name for row in rows for name in re.findall(r"\w+", row[2])]

    assert sorted(MODEL.operation_names) == sorted(named)
    assert all(row[3].strip() for row in rows)
