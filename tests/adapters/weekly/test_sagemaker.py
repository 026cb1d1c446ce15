"""The weekly store in Feature Store: limits, errors and nonsense, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from fraudstream.adapters.weekly.guard import GuardedWeekly
from fraudstream.adapters.weekly.sagemaker import WeeklySageMaker
from fraudstream.domain.errors import SetupError, WeeklyRefused, WeeklyUnavailable
from fraudstream.domain.feature_group import FeatureGroup, feature_group_named
from fraudstream.domain.weekly import Week
from fraudstream.monitor.timeline import Timeline
from fraudstream.monitor.watches import WeeklyWatch
from tests.contracts.weekly_store import ALICE, BOB, BUSY, CALM, MONDAY, TUESDAY
from tests.fake_feature_store.faults import GARBAGE
from tests.fake_feature_store.records import Store
from tests.fake_feature_store.server import FakeFeatureStore
from tests.sagemaker import access, credentials, filled, opened
from tests.shared import PATIENCE_S

MANY = {f"{number:032x}": Week(number + 1, number / 3) for number in range(250)}


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeFeatureStore]:
    """Yield a Feature Store without faults."""
    credentials(monkeypatch)
    async with FakeFeatureStore() as serving:
        yield serving


@pytest.fixture
async def store(fake: FakeFeatureStore) -> AsyncIterator[WeeklySageMaker]:
    """Yield a weekly store on it; the group is not made yet."""
    async with opened(fake) as made:
        yield made


async def test_a_hundred_cards_share_a_call(fake: FakeFeatureStore, store: WeeklySageMaker) -> None:
    """The quota counts calls; the midnight is asked for once."""
    await filled(store, {MONDAY: MANY})

    answer = await store.get_many(list(MANY), MONDAY)
    await store.get_many(list(MANY), MONDAY)

    assert MANY == dict(answer.rows)
    assert 1 + 2 * 3 == fake.requests["BatchGetRecord"]


async def test_identifiers_left_unprocessed_are_unknown_not_new(
    fake: FakeFeatureStore, store: WeeklySageMaker
) -> None:
    """A card that was not answered must not look like one without payments."""
    await filled(store, {MONDAY: MANY})
    await store.get_many([], MONDAY)
    await fake.change(unprocessed_share=0.5)

    answer = await store.get_many(list(MANY), MONDAY)

    assert set(MANY) == set(answer.rows) | set(answer.failed)
    assert {"weekly-unavailable"} == set(answer.failed.values())


async def test_a_midnight_that_could_not_be_looked_up_is_not_taken_for_missing(
    fake: FakeFeatureStore, store: WeeklySageMaker
) -> None:
    """Or all cards would be decided by yesterday's week, or by none, for some seconds."""
    await filled(store, {MONDAY: {ALICE: BUSY}})
    await fake.change(unprocessed_share=1.0)

    with pytest.raises(WeeklyUnavailable, match="did not process"):
        await store.get_many([ALICE], MONDAY)

    await fake.change()
    assert {ALICE: BUSY} == dict((await store.get_many([ALICE], MONDAY)).rows)


@pytest.mark.parametrize("kind", sorted(set(GARBAGE) - {"no-json"}))
async def test_impossible_values_are_refused_record_by_record(
    fake: FakeFeatureStore, store: WeeklySageMaker, kind: str
) -> None:
    """Never scored, and never mistaken for a card without payments."""
    await filled(store, {MONDAY: {ALICE: BUSY, BOB: CALM}})
    await store.get_many([ALICE], MONDAY)
    await fake.change(garbage=kind)

    answer = await store.get_many([ALICE, BOB], MONDAY)

    assert {} == dict(answer.rows)
    assert {ALICE: "weekly-refused", BOB: "weekly-refused"} == dict(answer.failed)


@pytest.mark.parametrize(
    "faults",
    [{"garbage": "no-json"}, {"error_share": 1.0}, {"throttling": True}, {"refusing": True}],
    ids=str,
)
async def test_a_fault_of_the_store_is_told_as_such(
    fake: FakeFeatureStore, store: WeeklySageMaker, faults: dict[str, object]
) -> None:
    """Whatever its cause."""
    await filled(store, {MONDAY: {ALICE: BUSY}})
    await store.get_many([ALICE], MONDAY)
    await fake.change(**faults)

    with pytest.raises(WeeklyUnavailable):
        await store.get_many([ALICE], MONDAY)

    await fake.change()
    assert {ALICE: BUSY} == dict((await store.get_many([ALICE], MONDAY)).rows)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("AccessDeniedException", "the AWS credentials and their rights"),
        ("ExpiredTokenException", "the AWS credentials and their rights"),
        ("ResourceNotFound", "fraudstream store create"),
        ("ValidationError", "check FRAUDSTREAM_WEEKLY_STORE"),
        ("UnheardOfException", "check FRAUDSTREAM_WEEKLY_STORE"),
    ],
)
async def test_errors_that_do_not_pass_are_refused_with_what_to_do_at_the_start_and_in_every_command(
    fake: FakeFeatureStore, store: WeeklySageMaker, code: str, remedy: str
) -> None:
    """One sentence; loading does not try again."""
    await filled(store, {MONDAY: {ALICE: BUSY}})
    await fake.change(refusal=code)
    before = fake.requests["PutRecord"]
    for act in (store.connect, store.describe, lambda: store.load(MONDAY, [(ALICE, BUSY)])):
        with pytest.raises(WeeklyRefused, match=f"Feature Store refuses: {code}: .*; .*{remedy}"):
            await act()

    assert 1 == fake.requests["PutRecord"] - before


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "RequestLimitExceeded", "InternalFailure", "ServiceUnavailable"]
)
async def test_errors_that_may_pass_do_not_prevent_a_start(
    fake: FakeFeatureStore, store: WeeklySageMaker, code: str
) -> None:
    """Whoever asks for a week meets it, and may try again."""
    await filled(store, {MONDAY: {ALICE: BUSY}})
    await fake.change(refusal=code)
    await store.connect()
    with pytest.raises(WeeklyUnavailable) as met:
        await store.nights([MONDAY])

    assert met.value.later


async def test_rights_withdrawn_while_it_runs_are_named_by_health_and_given_back_are_used(
    fake: FakeFeatureStore, store: WeeklySageMaker
) -> None:
    """Payments are decided meanwhile, without their week."""
    await filled(store, {MONDAY: {ALICE: BUSY}})
    guard = GuardedWeekly(store, deadline_s=30.0, cache_cards=0)
    health = WeeklyWatch(guard, Timeline())
    await guard.get_many([ALICE], MONDAY)
    await fake.change(refusal="AccessDeniedException")
    while not list(health()):
        degraded = await guard.get_many([ALICE], MONDAY)
    (problem,) = health()
    await fake.change()
    async with asyncio.timeout(PATIENCE_S):
        while list(health()):
            await guard.get_many([ALICE], MONDAY)
            await asyncio.sleep(0.05)
    given_back = await guard.get_many([ALICE], MONDAY)

    assert {ALICE: "weekly-unavailable"} == dict(degraded.failed)
    assert (
        "decided without weekly aggregates: Feature Store refuses: AccessDeniedException" in problem.sentence
    )
    assert "the AWS credentials and their rights" in problem.remedy
    assert {ALICE: BUSY} == dict(given_back.rows)


async def test_a_midnight_that_is_only_half_loaded_is_not_read(store: WeeklySageMaker) -> None:
    """Until it is published the one before answers."""
    await filled(store, {MONDAY: {ALICE: CALM}})
    await store.load(TUESDAY, [(ALICE, BUSY)])

    assert MONDAY == (await store.get_many([ALICE], TUESDAY)).as_of_ms
    assert {MONDAY: 1} == await store.nights([MONDAY, TUESDAY])


async def test_loading_slows_down_to_what_the_quota_allows(fake: FakeFeatureStore) -> None:
    """Everything arrives, whatever was turned away on the way."""
    fake.store = Store(batch_gets_per_s=500, others_per_s=40)
    async with opened(fake) as store:
        await filled(store, {MONDAY: MANY})

        assert MANY == dict((await store.get_many(list(MANY), MONDAY)).rows)
    assert fake.requests["PutRecord"] > len(MANY) + 1


async def test_a_group_is_made_once_and_described(store: WeeklySageMaker) -> None:
    """Online only, with a time to live; the schema is the file's."""
    group = feature_group_named("weekly")

    assert await store.create()
    assert not await store.create()
    described = await store.describe()
    assert ("Created", dict(group.features), 3) == tuple(
        described[name] for name in ("status", "features", "ttl_days")
    )


async def test_a_group_with_another_schema_is_not_touched(
    fake: FakeFeatureStore, store: WeeklySageMaker
) -> None:
    """Somebody else's group may have the same name."""
    other = FeatureGroup("test-weekly", "id", "at", 3, {"id": "String", "at": "String"})
    theirs = WeeklySageMaker(other, access(fake))
    await theirs.create()
    await theirs.close()

    with pytest.raises(SetupError, match="has another schema than ours"):
        await store.create()


async def test_a_worker_does_not_start_without_the_group(store: WeeklySageMaker) -> None:
    """A wrong name is refused at the start, instead of a day of degraded decisions."""
    with pytest.raises(SetupError, match="fraudstream store create"):
        await store.connect()


async def test_a_worker_does_start_while_the_store_is_down(
    fake: FakeFeatureStore, store: WeeklySageMaker
) -> None:
    """An outage ends by itself."""
    await fake.change(refusing=True)

    await store.connect()


async def test_a_worker_without_credentials_does_not_start(
    fake: FakeFeatureStore, monkeypatch: pytest.MonkeyPatch, store: WeeklySageMaker
) -> None:
    """Nothing is sent; in a test, the instance's metadata are not read."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")

    with pytest.raises(SetupError, match="credentials"):
        await store.connect()
    assert 0 == fake.requests.total()


def test_a_group_file_says_what_is_wrong_with_it() -> None:
    """Types are Feature Store's three; identifier and time are among the features."""
    good = feature_group_named("weekly")
    assert "card_night" == good.record_identifier

    text = 'name = "g"\nrecord_identifier = "id"\nevent_time = "at"\nttl_days = 1\n[features]\nid = "String"\nat = "{}"\n'
    with pytest.raises(SetupError, match="at = 'Timestamp'"):
        FeatureGroup.from_toml(text.format("Timestamp"))
    with pytest.raises(SetupError, match="does not declare its at"):
        FeatureGroup.from_toml(text.replace('at = "{}"', ""))
    with pytest.raises(SetupError, match="cannot be parsed"):
        FeatureGroup.from_toml("name = ")
