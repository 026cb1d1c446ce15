"""Faults on demand: what the fake does to requests before or instead of answering them properly."""

import asyncio
import random
import time
from dataclasses import dataclass, fields
from typing import Any

from tests.fake_feature_store.records import Json, Refusal

GARBAGE = ("nan", "text", "negative", "other-card", "no-record", "no-json")
"""Kinds of nonsense an answer may hold."""


@dataclass
class Faults:
    """The present faults, by default none. Set over the control port."""

    refusing: bool = False
    """The port is closed: connection refused."""
    latency_ms: float = 0.0
    error_share: float = 0.0
    """Share of requests answered with ServiceUnavailable."""
    throttling: bool = False
    refusal: str = ""
    """Code of the error that every request is answered with, with status 400 as AWS has it for nearly all."""
    unprocessed_share: float = 0.0
    """Share of a batch's identifiers left unprocessed."""
    garbage: str = ""
    """One of GARBAGE: every record of a BatchGetRecord is nonsense of this kind."""
    flapping_ms: float = 0.0
    """Down for this long, then up for as long, and so on; with a latency: slow by turns."""

    def set(self, wanted: Json) -> None:
        """Replace all faults; what is not named is off. Raises ValueError for an unknown name or kind."""
        known = {field.name for field in fields(self)}
        if set(wanted) - known or wanted.get("garbage", "") not in ("", *GARBAGE):
            raise ValueError(f"faults are {sorted(known)}, garbage one of {GARBAGE}")
        vars(self).update(vars(Faults(**wanted)))

    async def strike(self) -> None:
        """Let a request wait or fail."""
        bad_turn = not self.flapping_ms or time.monotonic() * 1000 // self.flapping_ms % 2 == 0
        if self.latency_ms and bad_turn:
            await asyncio.sleep(self.latency_ms / 1000)
        if self.throttling:
            raise Refusal(400, "ThrottlingException", "Rate exceeded")
        if self.refusal:
            raise Refusal(400, self.refusal, "Refused on demand")
        down = self.flapping_ms and bad_turn and not self.latency_ms
        if down or random.random() < self.error_share:
            raise Refusal(503, "ServiceUnavailable", "Service Unavailable")

    def spoil(self, answer: Json) -> Json | str:
        """Leave identifiers of a batch unprocessed and put nonsense into the rest."""
        left: dict[str, list[str]] = {}
        records = []
        for record in answer["Records"]:
            if random.random() < self.unprocessed_share:
                left.setdefault(record["FeatureGroupName"], []).append(
                    record["RecordIdentifierValueAsString"]
                )
            else:
                records.append(record)
        answer["UnprocessedIdentifiers"] = [
            {"FeatureGroupName": name, "RecordIdentifiersValueAsString": ids} for name, ids in left.items()
        ]
        if self.garbage == "no-json":
            return "<html>It works!</html>"
        answer["Records"] = [self._spoiled(record) if self.garbage else record for record in records]
        return answer

    def _spoiled(self, record: Json) -> Json:
        values = {one["FeatureName"]: one["ValueAsString"] for one in record["Record"]}
        spoiled: dict[str, Any] = {
            "nan": values | {"avg_amt_last_1w": "NaN"},
            "text": values | {"num_trans_last_1w": "many"},
            "negative": values | {"num_trans_last_1w": "-3"},
            "other-card": values | {"card": "f" * 32},
            "no-record": {"unknown": "1"},
        }[self.garbage]
        return record | {
            "Record": [{"FeatureName": name, "ValueAsString": value} for name, value in spoiled.items()]
        }
