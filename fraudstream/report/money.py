"""What alerts are worth: the money of the frauds they stop, less what looking at them costs."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fraudstream.report.judged import Judged


@dataclass(frozen=True, slots=True)
class Costs:
    """The cost matrix, in the currency of the amounts. A missed fraud costs its amount, a legitimate payment let through nothing."""

    review: float = 5.0
    """What it costs to look at one alert, whatever it turns out to be."""
    hit_legitimate: float = 0.0
    """What alerting a legitimate payment costs beside that: an angry customer, a lost sale."""
    saved_share: float = 1.0
    """Which share of a caught fraud's amount is saved."""


def money(judged: Judged, costs: Costs) -> dict[str, Any]:
    """Return, per threshold, the money saved and what alerts cost; and the threshold where the difference is largest."""
    all_payments = np.zeros(len(judged.scores), np.int64)
    (caught,) = judged.alerted(all_payments, 1, judged.fraud, judged.amounts)
    (right,) = judged.alerted(all_payments, 1, judged.fraud)
    (wrong,) = judged.alerted(all_payments, 1, ~judged.fraud)
    saved = costs.saved_share * caught
    cost = costs.review * (right + wrong) + costs.hit_legitimate * wrong
    best = int(np.argmax(saved - cost))
    return {
        "costs": asdict(costs),
        "fraud_amount": float(judged.amounts[judged.fraud].sum()),
        "saved": [round(float(v), 2) for v in saved],
        "cost": [round(float(v), 2) for v in cost],
        "best": best,
        "best_threshold": float(judged.thresholds[best]),
    }
