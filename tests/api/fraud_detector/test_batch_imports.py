"""A file of events, as the stream's event type calls its columns."""

from pathlib import Path

import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.api.fraud_detector.batch_imports import renamed
from fraudstream.domain.errors import SetupError

SPARKOV, CARD = event_type_named("sparkov"), event_type_named("card")
FILE = """EVENT_ID,EVENT_TIMESTAMP,ENTITY_TYPE,ENTITY_ID,amt,cc_num,odd,EVENT_LABEL
e-1,2020-01-01T00:00:00Z,customer,c-1,1.5,180046165512893,x,bad
e-2,2020-01-01T00:00:01Z,customer,c-1,2.5,180046165512893,x,good
e-3,2020-01-01T00:00:02Z,customer,c-1,3.5,180046165512893,x,unknown
"""


def test_columns_are_called_as_the_event_type_does(tmp_path: Path) -> None:
    """What it does not know is left out, and so is a label that means nothing."""
    source, target = tmp_path / "a.csv", tmp_path / "b.csv"
    source.write_text(FILE)

    assert 3 == renamed(source, target, {"bad": True, "good": False}, SPARKOV)
    assert [
        "amt,trans_date_trans_time,trans_num,cc_num,is_fraud",
        "1.5,2020-01-01T00:00:00Z,e-1,180046165512893,1",
        "2.5,2020-01-01T00:00:01Z,e-2,180046165512893,0",
        "3.5,2020-01-01T00:00:02Z,e-3,180046165512893,",
    ] == target.read_text().splitlines()


@pytest.mark.parametrize(
    ("text", "said"),
    [("a,b\n1,2\n", "the file has no column EVENT_ID, EVENT_TIMESTAMP"), ("", "cannot be read as CSV")],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """The sentence says why."""
    source = tmp_path / "a.csv"
    source.write_text(text)

    with pytest.raises(SetupError, match=said):
        renamed(source, tmp_path / "b.csv", {}, CARD)
