"""Which days of the archive a training on ingested events is about."""

import pytest

from fraudstream.api.fraud_detector.errors import ServiceError
from fraudstream.api.fraud_detector.training import days_in


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("2022/12/24 12:00", "2023-01-01T00:00:00Z", "startTime is not a time"),
        ("2023-01-02T00:00:00Z", "2023-01-01T00:00:00Z", "startTime is after endTime"),
    ],
)
def test_a_window_that_is_none_is_refused_before_a_training_begins(start: str, end: str, said: str) -> None:
    """It would find no days after a while."""
    with pytest.raises(ServiceError, match=said):
        days_in({"startTime": start, "endTime": end})


def test_a_window_has_the_days_of_utc() -> None:
    """From its first to its last, whatever zone its times are written in."""
    window = {"startTime": "2023-01-01T00:30:00+01:00", "endTime": "2023-01-02T23:30:00-01:00"}

    assert ("2022-12-31", "2023-01-03") == days_in(window)
