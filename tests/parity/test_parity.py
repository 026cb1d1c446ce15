"""Stream equals batch, on a real worker and a real broker."""

import json

from fraudstream.settings import Settings
from tests.commands.running import fraudstream

CONTRADICTED = 150
"""Of 50,000 made-up payments; they are dead letters."""

VALUES = 13
"""Of a payment: eleven features, probability and insight score."""


def test_fifty_thousand_payments_out_of_order_are_computed_alike(world_settings: Settings) -> None:
    """Ties, disorder, late, repeated and contradicted payments: no value differs in any bit."""
    done = fraudstream(
        world_settings,
        *("parity", "--made-up", "--payments", "50000", "--broker", world_settings.broker, "--json"),
        timeout_s=280,
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    assert {
        "payments": 50_000 - CONTRADICTED,
        "values": VALUES * (50_000 - CONTRADICTED),
        "differing": 0,
        "missing": 0,
        "unexpected": 0,
    } == json.loads(done.stdout.splitlines()[-1])
