"""The control topic's records: whatever order they come in, and however often, the newest revision counts."""

import json
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.errors import SetupError
from fraudstream.domain.releases.applied import Applied
from fraudstream.domain.releases.control import Control, Followed, controls
from fraudstream.domain.releases.release_log import Action, Assigned, Role
from tests.domain.releases.test_release_log import log_of, ready

CONTROL = Control("card", Role.CANARY, Assigned(2, f"{2:064x}", 6, "2026-01-01", "ann@here", 0.1))


def followed(*taken: Control) -> Followed:
    """Return what a worker knows after these records."""
    worker = Followed("card")
    for each in taken:
        worker.take(each)
    return worker


def test_what_is_written_is_read() -> None:
    """Of a role that nobody has, too; a deleted record says nothing."""
    nobody = replace(CONTROL, assigned=Assigned(None, None, 9, "2026-01-02", "bob@there"))

    assert CONTROL == Control.parsed(CONTROL.key, CONTROL.value)
    assert nobody == Control.parsed(nobody.key, nobody.value)
    assert Control.parsed(CONTROL.key, None) is None
    assert b"card/canary" == CONTROL.key


@pytest.mark.parametrize(
    ("key", "change"),
    [
        (None, {}),
        (b"card/emperor", {}),
        (b"../x/champion", {}),
        (b"card/champion", {"release": "../../etc/passwd"}),
        (b"card/champion", {"release": None}),
        (b"card/champion", {"revision": 0}),
        (b"card/champion", {"revision": "12"}),
        (b"card/champion", {"share": 7}),
        (b"\xff\xfe", {}),
    ],
)
def test_a_record_that_is_none_is_refused(key: bytes | None, change: dict[str, object]) -> None:
    """Anybody with rights may write anything."""
    with pytest.raises(SetupError, match="is not valid"):
        Control.parsed(key, json.dumps(json.loads(CONTROL.value) | change).encode())


@given(st.randoms(use_true_random=False))
def test_records_may_come_again_and_in_any_order(order: random.Random) -> None:
    """In the end a worker knows what the log says."""
    log = log_of(
        *ready(1, 2, 3),
        (1, Action.ACTIVATE),
        (2, Action.CANARY),
        (2, Action.ACTIVATE),
        (3, Action.SHADOW),
        (1, Action.ROLL_BACK),
    )
    history = [
        each
        for revision in range(1, log.revision + 1)
        for each in controls(type(log)("card", log.entries[:revision]))
    ]
    seen = history * 2
    order.shuffle(seen)

    worker = followed(*seen)

    assert log.roles() == worker.roles
    assert [] == worker.behind(log)
    assert log.revision == worker.revision


def test_an_older_revision_by_a_faster_clock_is_ignored() -> None:
    """Operators' clocks may differ by hours; only the order in the log counts."""
    newer = replace(CONTROL, assigned=replace(CONTROL.assigned, revision=7, at="2026-01-01T10:00:00+00:00"))
    older = replace(CONTROL, assigned=replace(CONTROL.assigned, revision=6, at="2026-01-01T18:00:00+00:00"))
    worker = followed(newer)

    assert not worker.take(older)
    assert newer.assigned == worker.roles[Role.CANARY]


def test_other_event_types_do_not_matter() -> None:
    """They share the topic."""
    assert not followed().take(replace(CONTROL, event_type="payout"))


def test_a_topic_that_was_lost_is_noticed() -> None:
    """A worker that knows nothing, or an older revision, is behind the log."""
    log = log_of(*ready(1, 2), (1, Action.ACTIVATE), (2, Action.SHADOW))
    champion, challenger = controls(log)

    assert [Role.CHAMPION, Role.CHALLENGER] == followed().behind(log)
    assert [Role.CHALLENGER] == followed(champion).behind(log)
    assert [] == followed(champion, challenger).behind(log)


def test_what_a_worker_answers_is_read() -> None:
    """With the reason of a refusal."""
    refused = Applied(
        "host-1-6066",
        "card",
        Role.CHAMPION,
        2,
        f"{2:064x}",
        6,
        "refused",
        "artefacts: missing",
        "2026-01-01",
        "1.0",
    )

    assert refused == Applied.parsed(refused.value)
    assert b"host-1-6066" == refused.key
    with pytest.raises(SetupError, match="not valid"):
        Applied.parsed(b"{}")
