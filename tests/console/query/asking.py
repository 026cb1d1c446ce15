"""Queries that are answered in this process, for tests."""

from typing import Any

from fraudstream.analytics.decided import Question
from fraudstream.analytics.files import Files
from fraudstream.console.query.child import answered
from tests.archive_rows import DAY_MS, MONDAY_MS

DAYS = Question(MONDAY_MS, MONDAY_MS + 2 * DAY_MS)


def asked(
    files: Files, sql: str | None, rows_max: int = 100, bytes_max: int = 100_000, days: Question = DAYS
) -> dict[str, Any]:
    """Answer a query in this process."""
    return answered(
        {
            "sql": sql,
            "decisions": [str(path) for path in files.all_decisions],
            "labels": [str(path) for path in files.labels],
            "since_ms": days.since_ms,
            "until_ms": days.until_ms,
            "zone": days.zone,
            "rows_max": rows_max,
            "bytes_max": bytes_max,
        }
    )
