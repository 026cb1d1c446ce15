"""`fraudstream labels import`, on a real broker."""

import json
from pathlib import Path

from fraudstream.domain.labels import decode
from fraudstream.settings import Settings
from tests.commands.running import fraudstream
from tests.end_to_end.harness import read_all


async def test_labels_of_a_file_are_published(kafka_settings: Settings, tmp_path: Path) -> None:
    """Each with its transaction as key, so that all labels of one are in one partition and in order."""
    path = tmp_path / "chargebacks.csv"
    path.write_text(
        "transaction_id,fraud,known_at\np1,true,2020-09-01\np2,false,2020-09-02\np1,unsure,2020-09-03\n"
    )
    done = fraudstream(kafka_settings, "labels", "import", str(path), "--source", "chargeback", "--json")
    records = await read_all(kafka_settings, "labels")
    labels = [decode(record.value or b"") for record in records]
    of_p1 = [record for record in records if record.key == b"p1"]

    assert 0 == done.returncode, done.stderr
    assert {"published": 3, "fraud": 1, "legitimate": 1, "unsure": 1, "bad": 0} == json.loads(done.stdout)
    assert {"p1", "p2"} == {label.transaction_id for label in labels}
    assert {"chargeback"} == {label.source for label in labels}
    assert 1 == len({record.partition for record in of_p1})
    assert [True, None] == [decode(record.value or b"").fraud for record in of_p1]


async def test_a_file_with_bad_rows_is_refused_or_they_are_skipped(
    kafka_settings: Settings, tmp_path: Path
) -> None:
    """Nothing is published until somebody says so."""
    path = tmp_path / "chargebacks.csv"
    path.write_text("transaction_id,fraud\np1,true\np2,perhaps\n")
    refused = fraudstream(kafka_settings, "labels", "import", str(path))
    before = await read_all(kafka_settings, "labels")
    skipped = fraudstream(kafka_settings, "labels", "import", str(path), "--skip-bad")

    assert 2 == refused.returncode
    assert "line 3: invalid-label: fraud is not one of" in refused.stderr
    assert [] == before
    assert "published 1 labels: 1 fraud, 0 legitimate, 0 unsure, 1 bad rows skipped" in skipped.stdout
    assert 1 == len(await read_all(kafka_settings, "labels"))
