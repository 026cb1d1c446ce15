"""The allowed lateness is what the setting says, for the record and for the decision."""

import time

import pytest

from fraudstream.settings import Settings
from tests.end_to_end.harness import Worker, decisions_of, produce
from tests.end_to_end.test_worker import CARDS, encoded


@pytest.mark.parametrize(("horizon_s", "late"), [(600, ["late"]), (1200, [])])
async def test_a_payment_later_than_allowed_is_decided_on_less_and_says_so(
    kafka_settings: Settings, horizon_s: int, late: list[str]
) -> None:
    """Fifteen minutes late: with ten allowed the start of its ten minutes may be gone, with twenty it is there."""
    settings = kafka_settings.model_copy(update={"web": False, "lateness_horizon_s": horizon_s})
    start = time.time() - 3600
    after_s = {"early": 0, "middle": 500, "newest": 1490, "late": 590}
    sent = [
        {"tid": tid, "cc_num": CARDS[0], "amount": 1.0, "trans_ts": start + after}
        for tid, after in after_s.items()
    ]
    await produce(settings, [encoded(payment) for payment in sent])
    with Worker(settings):
        decided = {each["transaction_id"]: each for each in await decisions_of(settings, set(after_s))}

    assert late == decided["late"]["degraded"]
    assert 2 + (not late) == decided["late"]["features"]["num_trans_last_10m"]
    assert 1 == decided["newest"]["features"]["num_trans_last_10m"]
