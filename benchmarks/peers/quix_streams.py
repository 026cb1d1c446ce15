"""The worker's job written for Quix Streams the way its documentation teaches it: one payment at a time.

A StreamingDataFrame with a stateful step for the last ten minutes of a card, the week from a dictionary, XGBoost on a
single row, rules as conditions, and `to_topic` for decisions, alerts and dead letters. Settings are Quix's defaults
(idempotent producer and so acks=all, changelog on, checkpoint every 5 s, orjson) but for `auto_offset_reset` and a quiet log.
"""

import argparse
import hmac
import json
import math
import time
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xgboost as xgb
from quixstreams import Application, State

WINDOW_MS = 600_000
MINUTE_MS = 60_000
DAY_MS = 86_400_000
NO_PREVIOUS_S = 601.0
AMOUNT_MAX = 10_000_000.0
BLOCK_ABOVE = 0.8

Fields = dict[str, Any]


class Topics(NamedTuple):
    """Names of the topics the job reads and writes."""

    transactions: str
    decisions: str
    alerts: str
    dead_letters: str


class Fraud:
    """The steps of the job, each a plain function of a payment, as `StreamingDataFrame.apply` wants them."""

    def __init__(self, model: Path, manifest: Fields, weekly: Path, key: bytes) -> None:
        self.features: list[str] = manifest["features"]
        self.version: str = manifest["version"]
        self.threshold: float = manifest["threshold"]
        self.booster = xgb.Booster({"nthread": 1})
        self.booster.load_model(model)
        self.weekly: dict[str, dict[str, list[float]]] = json.loads(weekly.read_text())
        self.token = lru_cache(200_000)(lambda card: hmac.digest(key, card.encode(), "sha256")[:16].hex())

    def invalid(self, payment: Fields) -> bool:
        """Tell whether a record is no payment."""
        number, amount, at = payment.get("cc_num"), payment.get("amount"), payment.get("trans_ts")
        return not (
            isinstance(number, int)
            and 12 <= len(str(number)) <= 19
            and isinstance(amount, int | float)
            and math.isfinite(amount)
            and 0 <= amount <= AMOUNT_MAX
            and isinstance(at, int | float)
        )

    def ten_minutes(self, payment: Fields, state: "State[str, list[list[int]]]") -> Fields:
        """Add the card's last ten minutes, this payment included; a known transaction id is not counted again."""
        tid, now, cents = payment["tid"], round(payment["trans_ts"] * 1000), round(payment["amount"] * 100)
        kept: list[list[int]] = state.get("payments", default=[])
        newest = max(now, *(seen[0] for seen in kept)) if kept else now
        kept = [seen for seen in kept if seen[0] >= newest - WINDOW_MS]
        others = [seen for seen in kept if now - WINDOW_MS <= seen[0] <= now and seen[2] != tid]
        if all(seen[2] != tid for seen in kept):
            kept.append([now, cents, tid])
            state.set("payments", kept)
        count = len(others) + 1
        since = (now - max(seen[0] for seen in others)) / 1000 if others else NO_PREVIOUS_S
        return {
            **payment,
            "event_time": now,
            "num_trans_last_10m": count,
            "avg_amt_last_10m": (cents + sum(seen[1] for seen in others)) / (count * 100),
            "seconds_since_previous": since,
            "num_trans_last_1m": 1 + sum(seen[0] >= now - MINUTE_MS for seen in others),
        }

    def week(self, payment: Fields) -> Fields:
        """Add the card's week before the last midnight."""
        midnight = payment["event_time"] - payment["event_time"] % DAY_MS
        count, mean = self.weekly.get(str(midnight), {}).get(str(payment["cc_num"]), (0, 0.0))
        return {**payment, "num_trans_last_1w": count, "avg_amt_last_1w": mean, "weekly_as_of": midnight}

    def ratios(self, payment: Fields) -> Fields:
        """Add what the model compares with the week and with the ten minutes."""
        mean, count = payment["avg_amt_last_1w"], payment["num_trans_last_1w"]
        recent = payment["avg_amt_last_10m"]
        return {
            **payment,
            "amt_ratio1": recent / mean if mean > 0 else 0.0,
            "amt_ratio2": payment["amount"] / mean if mean > 0 else 0.0,
            "count_ratio": payment["num_trans_last_10m"] / count if count > 0 else 0.0,
            "amt_change": abs(payment["amount"] / recent - 1) if recent > 0 else 0.0,
        }

    def scored(self, payment: Fields) -> Fields:
        """Add the probability of fraud."""
        row = np.array([[payment[name] for name in self.features]], dtype=np.float32)
        return {**payment, "row": row, "probability": float(self.booster.inplace_predict(row)[0])}

    def decided(self, payment: Fields) -> Fields:
        """Judge by the rules and put the decision together."""
        number, probability = str(payment["cc_num"]), payment["probability"]
        fraud = probability > self.threshold
        rules = ["very-likely-fraud"] * (probability > BLOCK_ABOVE) + ["likely-fraud"] * fraud
        outcome = "block" if probability > BLOCK_ABOVE else "review" if fraud else "approve"
        aggregates = (
            "num_trans_last_10m",
            "avg_amt_last_10m",
            "num_trans_last_1w",
            "avg_amt_last_1w",
        )
        return {
            "transaction_id": str(payment["tid"]),
            "card": self.token(number),
            "card_last4": number[-4:],
            "event_time": payment["event_time"],
            "amount": payment["amount"],
            "features": {name: payment[name] for name in (*self.features, *aggregates)},
            "probability": probability,
            "score": round(probability * 1000),
            "anomaly_score": None,
            "outcome": outcome,
            "fraud": fraud,
            "rules": rules,
            "reasons": [] if outcome == "approve" else self.reasons(payment["row"]),
            "model_version": self.version,
            "ruleset_version": "1",
            "weekly_as_of": payment["weekly_as_of"],
            "degraded": [],
            "decided_at": time.time_ns() // 1_000_000,
        }

    def reasons(self, row: np.ndarray[Any, Any]) -> list[str]:
        """Name the three features that pushed the score up the most."""
        named = xgb.DMatrix(row, feature_names=list(self.features), nthread=1)
        pushes = self.booster.predict(named, pred_contribs=True)[0, :-1]
        return [self.features[i] for i in np.argsort(-pushes)[:3] if pushes[i] > 0]


def fraud_app(bootstrap: str, group: str, topics: Topics, state_dir: Path, fraud: Fraud) -> Application:
    """Build the application: topics, and the dataframe that turns payments into decisions."""
    app = Application(
        broker_address=bootstrap,
        consumer_group=group,
        auto_offset_reset="earliest",
        state_dir=state_dir,
        loglevel="WARNING",
    )
    payments = app.dataframe(
        app.topic(topics.transactions, key_deserializer="str", value_deserializer="json")
    )
    payments[payments.apply(fraud.invalid)].to_topic(app.topic(topics.dead_letters, value_serializer="json"))
    decisions = (
        payments.filter(lambda payment: not fraud.invalid(payment))
        .apply(fraud.ten_minutes, stateful=True)
        .apply(fraud.week)
        .apply(fraud.ratios)
        .apply(fraud.scored)
        .apply(fraud.decided)
    )
    decisions.to_topic(
        app.topic(topics.decisions, key_serializer="str", value_serializer="json"),
        key=lambda decision: decision["card"],
    )
    decisions[decisions["outcome"] != "approve"].to_topic(
        app.topic(topics.alerts, key_serializer="str", value_serializer="json"),
        key=lambda decision: decision["card"],
    )
    return app


def main() -> None:
    """Parse the command line and run until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--group", required=True)
    for topic in Topics._fields:
        parser.add_argument(f"--{topic.replace('_', '-')}", required=True)
    for path in ("--model", "--manifest", "--weekly", "--card-token-key", "--state-dir"):
        parser.add_argument(path, type=Path, required=True)
    options = parser.parse_args()
    fraud = Fraud(
        options.model,
        json.loads(options.manifest.read_text()),
        options.weekly,
        bytes.fromhex(options.card_token_key.read_text().strip()),
    )
    topics = Topics(*(getattr(options, name) for name in Topics._fields))
    fraud_app(options.bootstrap, options.group, topics, options.state_dir, fraud).run()


if __name__ == "__main__":
    main()
