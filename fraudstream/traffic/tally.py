"""What a sender has done so far, for progress displays and closing lines."""

import time
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Tally:
    """Counts of payments. `sent` are acknowledged by Kafka, `behind_s` is how far sending lags its schedule."""

    sent: int = 0
    errors: int = 0
    in_flight: int = 0
    behind_s: float = 0.0
    behind_most_s: float = 0.0
    last_error: str = ""
    started: float = field(default_factory=time.monotonic)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first was due."""
        return time.monotonic() - self.started

    @property
    def rate(self) -> float:
        """Acknowledged payments a second since the start."""
        return self.sent / max(self.elapsed_s, 1e-9)

    def begin(self) -> None:
        """Start the clock: everything before was preparation."""
        self.started = time.monotonic()

    def lag(self, behind_s: float) -> None:
        """Note how late the newest payment left."""
        self.behind_s = behind_s
        self.behind_most_s = max(self.behind_most_s, behind_s)

    def facts(self) -> dict[str, Any]:
        """Return the counts for a script; times in seconds."""
        return {
            "sent": self.sent,
            "errors": self.errors,
            "elapsed_s": round(self.elapsed_s, 3),
            "rate": round(self.rate, 1),
            "behind_most_s": round(self.behind_most_s, 3),
        }
