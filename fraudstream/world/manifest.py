"""What a history says of the world that it is of, so that it can be recognised and continued."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from fraudstream.domain.errors import SetupError
from fraudstream.world.bursts import CARD_TESTING_GAP_S, CHAIN_GAP_S
from fraudstream.world.handbook import Handbook
from fraudstream.world.kinds import CARD_TESTING_SHARE
from fraudstream.world.population import AMOUNT_SPANS
from fraudstream.world.world import World

WORLD_VERSION = 1
"""Increased whenever the same seed gives other payments, so that an old world is not taken for a new one."""

HANDBOOK = "handbook"
MANIFEST = "manifest.json"


def described(world: World | Handbook) -> dict[str, Any]:
    """Return everything that determines the payments."""
    sizes = {
        "version": WORLD_VERSION,
        "seed": world.seed,
        "cards": world.cards,
        "days": world.days,
        "payments": world.payments,
        "start": str(world.start),
    }
    if isinstance(world, Handbook):
        return {**sizes, "world": HANDBOOK}
    return {
        **sizes,
        "fraud_share": world.fraud_share,
        "card_testing_share": CARD_TESTING_SHARE,
        "chain_gap_s": list(CHAIN_GAP_S),
        "card_testing_gap_s": list(CARD_TESTING_GAP_S),
        "amount_spans": [list(span) for span in AMOUNT_SPANS],
        **({"scenarios": dict(world.scenarios)} if world.scenarios else {}),
    }


def read_world(directory: Path) -> World | Handbook:
    """Return the world whose history is in a directory, e.g. to continue it; raises SetupError if there is none."""
    manifest = manifest_in(directory)
    if manifest is None or manifest["world"]["version"] != WORLD_VERSION:
        raise SetupError(f"no simulated history in {directory}; make one with: fraudstream generate")
    world = manifest["world"]
    sizes = {name: world[name] for name in ("seed", "cards", "days", "payments")}
    start = date.fromisoformat(world["start"])
    if world.get("world") == HANDBOOK:
        return Handbook(**sizes, start=start)
    scenarios = tuple((name, share) for name, share in world.get("scenarios", {}).items())
    return World(**sizes, start=start, scenarios=scenarios)


def manifest_in(directory: Path) -> dict[str, Any] | None:
    """Return the manifest of a directory, or None if it has none."""
    path = directory / MANIFEST
    if not path.is_file():
        return None
    manifest: dict[str, Any] = json.loads(path.read_text())
    return manifest
