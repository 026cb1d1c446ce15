"""Payments of a canary: valid ones, and everything a careless producer could do with its card number."""

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from fraudstream.acceptance.live import STORY_ID
from fraudstream.domain.tokens import partition_of


class Sent(NamedTuple):
    """A record to send; `decided`: True for a payment, False for a dead letter, None for a repetition."""

    key: bytes | None
    value: bytes | None
    decided: bool | None
    partition: int
    headers: list[tuple[str, bytes]]


def traffic(canary: str, other: str, partitions: int, part: str) -> list[Sent]:
    """Return records with a canary's number in every possible place; `part` makes ids distinct."""
    home = partition_of(canary, partitions)
    now = time.time()
    dashed = "-".join(canary[start : start + 4] for start in range(0, len(canary), 4))
    numbered = iter(range(1000))

    def payment(**fields: Any) -> dict[str, Any]:
        number = next(numbered)
        basic = {
            "cc_num": int(canary),
            "amount": 20.0 + number,
            "trans_ts": now - 120 + number,
            "tid": f"{part}-{number}",
        }
        return {name: value for name, value in (basic | fields).items() if value is not None}

    def keyed(value: Any, decided: bool | None, headers: tuple[tuple[str, bytes], ...] = ()) -> Sent:
        encoded = value if isinstance(value, bytes) else json.dumps(value).encode()
        return Sent(canary.encode(), encoded, decided, home, list(headers))

    good = [keyed(payment(), True) for _ in range(12)]
    away = [keyed(payment(), True)._replace(key=None, partition=(home + 1) % partitions) for _ in range(6)]
    written = [
        payment(cc_num=canary),
        payment(cc_num=dashed),
        payment(cc_num=dashed.replace("-", " ")),
        payment(merchant=f"paid with {canary}"),
        payment(merchant=dashed, zip_code=int(canary)),
        payment(cc_num=int(other), merchant=canary),
        payment(amount=-1, merchant=f"refund to {canary}"),
        *(payment(merchant=f"SHOP CARD {piece}") for piece in (canary[:-1], canary[2:], canary[1:-3])),
        payment(merchant=dashed.replace("-", "/"), zip_code=int(canary[:-1])),
        payment(merchant=dashed.replace("-", "\u00a0")[:-1]),
        payment(tid=f"{part}-{canary[:-1]}"),
        payment(tid=f"💳 {part} {canary[1:]}", merchant=canary + " " * 300),
        payment(cc_num=f" {canary}\n", merchant="x" * 1010 + canary),
        payment(tid=f"{part}-{dashed.replace('-', '.')[2:]}"),
        payment(tid=f"{STORY_ID}{part}", zip_code=canary),
        payment(colour=canary),
        payment(**{canary: 1}),
        payment(merchant=canary[:-1], colour=canary[1:]),
        payment(
            colour=int(canary), size=float(canary), device={"pan": canary, dashed: [canary, {"a": dashed}]}
        ),
    ]
    named = [
        keyed(payment(tid=None), True, ((name, canary.encode()),)) for name in ("fraudstream-source", canary)
    ]
    return [
        *good,
        *away,
        *(_at_home(keyed(each, True), each["cc_num"], partitions) for each in written),
        *named,
        *(keyed(value, False) for value in _bad(payment, canary, dashed)),
        keyed(payment(tid=f"{part}-0", amount=999.0, trans_ts=now - 100), False),  # a conflict
        good[0]._replace(decided=None),  # a replay
        Sent(canary.encode(), None, False, home, [(canary, canary.encode())]),
    ]


def _at_home(sent: Sent, number: int | str, partitions: int) -> Sent:
    """Send a payment to the partition of its card."""
    digits = str(number).strip().replace("-", "").replace(" ", "")
    return sent._replace(partition=partition_of(digits, partitions))


def _bad(payment: Callable[..., dict[str, Any]], canary: str, dashed: str) -> list[bytes]:
    """Return values that are not payments and hold the number."""
    escaped = "".join(f"\\u{ord(digit):04x}" for digit in canary)
    records: list[Any] = [
        payment(amount=canary),
        payment(amount=float(canary)),
        payment(amount=-float(canary)),
        payment(merchant=[canary]),
        payment(merchant=[canary[start : start + 4] for start in range(0, len(canary), 4)]),
        *(payment(cc_num=dashed.replace("-", between)) for between in (".", "/", "\u00a0", "\n", "💳")),
        payment(tid=dashed.replace("-", ".")),
        payment(tid=f"order-{canary}"),
        payment(tid=dashed),
        payment(trans_ts=canary),
        payment(trans_ts=int(canary)),
        payment(cc_num=f"{canary}x"),
        payment(cc_num=canary * 2),
        [payment()],
        canary,
    ]
    return [
        *(json.dumps(record).encode() for record in records),
        f"cc_num={canary};amount=12".encode(),
        f"{dashed} {dashed.replace('-', ' ')}".encode(),
        b"\xff\xfe" + canary.encode() + b"\x00",
        b'{"cc_num": ' + canary.encode(),
        f'{{"cc_num": "{escaped}"}}'.encode(),
        b"\0\0\0\0\x2a" + json.dumps(payment()).encode(),
        b"\0\0\0\0\x2a\x20" + canary.encode(),
        b"\x28\xb5\x2f\xfd" + canary.encode(),
        json.dumps(payment()).encode("utf-16"),
        *(
            b"x" * cut + canary.encode() for cut in (2036, 2040, 2047)
        ),  # at the cut of a dead letter's payload
        json.dumps(payment(merchant=canary * 5000)).encode(),
    ]
