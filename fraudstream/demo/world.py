"""What the demo needs on disk before it starts, and whether an earlier run's can be used."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime

from fraudstream.adapters.models.registry import Registry
from fraudstream.domain.features.catalogue import FEATURE_SETS
from fraudstream.settings import Settings
from fraudstream.world.live import rate_of
from fraudstream.world.manifest import WORLD_VERSION

DAYS = 14
"""Half of them are warm-up (a payment needs the week before it); seven days with 2,000 attacks are enough to learn from."""

CARDS_MIN = 10_000
SEED = 1

STAMP = "prepared.json"
"""Written last: says that what is on disk is complete, and for which world."""


@dataclass(frozen=True, slots=True)
class DemoWorld:
    """A world large enough for a rate, with a history that ends at the last midnight (UTC), as a nightly job has it."""

    cards: int
    midnight: date

    @classmethod
    def for_rate(cls, rate: float) -> "DemoWorld":
        """Return today's world for so many payments a second."""
        return cls(max(CARDS_MIN, round(rate / rate_of(1))), datetime.now(UTC).date())

    def commands(self) -> tuple[tuple[str, list[str]], ...]:
        """Return the steps that prepare it: a name and a `fraudstream` command line each."""
        size = ["--cards", str(self.cards), "--days", str(DAYS), "--seed", str(SEED)]
        return (
            ("history", ["generate", *size, "--end", str(self.midnight), "--force"]),
            ("weeks", ["aggregate", "--as-of", str(self.midnight), "--force"]),
            (
                "model",
                ["train", "--activate", "always"],
            ),  # a new world makes the old model's figures irrelevant
        )

    def is_prepared(self, settings: Settings) -> bool:
        """Tell whether an earlier run has prepared exactly this."""
        path = settings.data_dir / STAMP
        if not path.is_file() or Registry.of(settings).log().active is None:
            return False
        stamp: dict[str, object] = json.loads(path.read_text())
        return stamp == self._stamp()

    def begin(self, settings: Settings) -> None:
        """Note that what is on disk is about to change."""
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        (settings.data_dir / STAMP).unlink(missing_ok=True)

    def finish(self, settings: Settings) -> None:
        """Note that everything is there."""
        (settings.data_dir / STAMP).write_text(json.dumps(self._stamp()) + "\n")

    def _stamp(self) -> dict[str, object]:
        return {
            "world_version": WORLD_VERSION,
            "cards": self.cards,
            "days": DAYS,
            "seed": SEED,
            "midnight": str(self.midnight),
            "features": list(FEATURE_SETS["card"]),
        }
