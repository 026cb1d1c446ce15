"""Who may ask, and how much."""

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from fraudstream.adapters.database.api_keys import ApiKeys
from fraudstream.adapters.database.engine import opened
from fraudstream.api.access import Access, Allowance, NotAllowed, TooMany
from tests.databases import with_tables


@pytest.fixture
def keys(tmp_path: Path) -> ApiKeys:
    """Return a database without keys."""
    return ApiKeys(opened(with_tables(f"sqlite:///{tmp_path / 'f.db'}")))


async def status(access: Access, authorization: str | None, scope: str = "predict") -> int:
    """Return what a request is answered with."""
    try:
        await access.allow(authorization, scope)
    except NotAllowed as error:
        return error.status
    return 200


async def test_a_key_opens_what_it_is_for(keys: ApiKeys) -> None:
    """401 without a key that is known, 403 for anything else than its scopes."""
    access, text = Access(keys), keys.create("shop", ["predict"])

    assert 200 == await status(access, f"Bearer {text}")
    assert 403 == await status(access, f"Bearer {text}", "labels")
    wrong: Sequence[str | None] = (
        None,
        "",
        text,
        f"Basic {text}",
        f"Bearer {text}x",
        f"Bearer {text[:-3]}abc",
        "Bearer fsk_" + "0" * 56,
    )
    assert [401] * len(wrong) == [await status(access, each) for each in wrong]


async def test_expired_and_revoked_keys_are_refused(keys: ApiKeys) -> None:
    """By a process that remembers nothing of them."""
    expired = keys.create("old", ["predict"], expires_at=time.time_ns() // 1_000_000 - 1)
    revoked = keys.create("gone", ["predict"])
    keys.revoke({key.name: key.id for key in keys.all()}["gone"])

    assert 401 == await status(Access(keys), f"Bearer {expired}")
    assert 401 == await status(Access(keys), f"Bearer {revoked}")


async def test_without_a_database_everybody_may_ask() -> None:
    """Behind a gateway that checks who asks."""
    assert 200 == await status(Access(None), None, "labels")


def test_a_key_may_send_two_seconds_worth_at_once_and_then_its_rate() -> None:
    """10 events a second: 20 at once; a quarter of a second later two more."""
    allowance = Allowance(20.0, 100.0)
    allowance.take(20, 10.0, 100.0)
    with pytest.raises(TooMany) as error:
        allowance.take(15, 10.0, 100.0)

    assert 2 == error.value.retry_after_s
    allowance.take(2, 10.0, 100.25)
    with pytest.raises(TooMany):
        allowance.take(1, 10.0, 100.25)


def test_a_request_larger_than_the_burst_waits_for_a_full_allowance() -> None:
    """It is not refused for ever; afterwards the key is in debt."""
    allowance = Allowance(20.0, 100.0)
    allowance.take(100, 10.0, 100.0)
    with pytest.raises(TooMany) as error:
        allowance.take(100, 10.0, 100.0)

    assert 10 == error.value.retry_after_s
    allowance.take(100, 10.0, 110.0)
