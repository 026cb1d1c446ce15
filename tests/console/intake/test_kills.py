"""Console and PostgreSQL are killed under load: no case is lost or doubled, and every label is published once."""

from pathlib import Path

import pytest

from fraudstream.settings import Settings
from tests.console.intake.killing import under_kills

pytestmark = [pytest.mark.timeout(400), pytest.mark.process, pytest.mark.server]


async def test_no_case_is_lost_or_doubled_and_labels_are_published_once(
    kafka_settings: Settings, tmp_path: Path
) -> None:
    """While alerts come and two people close cases, console and database are killed by turns."""
    found = await under_kills(kafka_settings.model_copy(update={"data_dir": tmp_path}), 3)

    assert [] == found.lost
    assert [] == found.doubled
    assert [] == found.labels_wrong
    assert [] == found.labels_doubled
    assert [] == found.unpublished
    assert found.interrupted
    assert found.payments > 100
