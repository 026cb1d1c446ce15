"""The shape of the Sparkov data: every card has a holder with an address, every merchant a category and a place nearby."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from fraudstream.world.drawn import Drawn
from fraudstream.world.population import MERCHANTS, ZIP_CODES, Population
from fraudstream.world.rows import Floats, Int64s

FIRST = {"F": ("Ada", "Clara", "Edith", "Greta", "Ines", "Karen"), "M": ("Bruno", "David", "Felix", "Henry", "Jonas")}  # fmt: skip
LAST = (
    "Adler",
    "Brook",
    "Castell",
    "Dorn",
    "Ember",
    "Falk",
    "Grove",
    "Hart",
    "Irving",
    "Jansen",
    "Keller",
    "Lund",
)
STREETS = ("Acorn Lane", "Birch Road", "Canal Street", "Dale View", "Elm Court", "Ferry Way", "Garden Row")
TOWNS = ("Ashford", "Bellmont", "Corwin", "Danbury", "Eastlake", "Fairmont", "Glenville", "Harwick")
STATES = ("CA", "CO", "FL", "GA", "IL", "MI", "NC", "NY", "OH", "PA", "TX", "WA")
JOBS = (
    "Accountant",
    "Baker",
    "Carpenter",
    "Designer, furniture",
    "Editor",
    "Farmer",
    "Geologist",
    "Nurse",
    "Pilot",
)
CATEGORIES = ("entertainment", "food_dining", "gas_transport", "grocery_net", "grocery_pos", "health_fitness", "home",
              "kids_pets", "misc_net", "misc_pos", "personal_care", "shopping_net", "shopping_pos", "travel")  # fmt: skip

LATITUDES, LONGITUDES = (25.0, 49.0), (-124.0, -67.0)
"""The contiguous United States, roughly."""

NEARBY_DEGREES = 1.0
"""A merchant lies at most so far from the card's holder, in both directions, also if the payment is fraud."""

FIRST_BIRTH, BIRTH_DAYS = date(1930, 1, 1), 27_000

UNIX_TIME_LAG_S = 220_924_800
"""unix_time lies this far before trans_date_trans_time: seven years."""


@dataclass(frozen=True, slots=True)
class Holders:
    """What is known of every card's holder: variable -> a value per card; and the categories of merchants."""

    known: Mapping[str, Any]
    category: Int64s

    @classmethod
    def of(cls, people: Population, seed: int) -> "Holders":
        """Draw the holders of a world's cards."""
        chance = np.random.default_rng([seed, 5])
        cards = len(people.numbers)

        def one_of(names: tuple[str, ...]) -> Any:
            return np.array(names)[chance.integers(0, len(names), cards)]

        gender = one_of(("F", "M"))
        born = chance.integers(0, BIRTH_DAYS, cards)
        known = {
            "gender": gender,
            "first": np.where(gender == "F", one_of(FIRST["F"]), one_of(FIRST["M"])),
            "last": one_of(LAST),
            "street": np.char.add(
                np.char.add(chance.integers(1, 1000, cards).astype(str), " "), one_of(STREETS)
            ),
            "city": one_of(TOWNS),
            "state": one_of(STATES),
            "zip": np.array(ZIP_CODES)[people.home_zip],
            "job": one_of(JOBS),
            "dob": np.array([str(FIRST_BIRTH + timedelta(days=int(days))) for days in born]),
            "lat": chance.uniform(*LATITUDES, cards).round(4),
            "long": chance.uniform(*LONGITUDES, cards).round(4),
            "city_pop": np.exp(chance.normal(8.0, 2.0, cards)).astype(np.int64) + 20,
        }
        return cls(known, chance.integers(0, len(CATEGORIES), len(MERCHANTS)))

    def variables(self, drawn: Drawn) -> Mapping[str, Any]:
        """Return the variables of some payments."""
        rows = drawn.rows
        own = {name: values[rows.card] for name, values in self.known.items()}
        return {
            **own,
            "category": np.array(CATEGORIES)[self.category[rows.merchant]],
            "unix_time": rows.at_ms // 1000 - UNIX_TIME_LAG_S,
            "merch_lat": _nearby(own["lat"], drawn),
            "merch_long": _nearby(own["long"], drawn),
        }


def _nearby(degrees: Floats, drawn: Drawn) -> Floats:
    away = drawn.chance.uniform(-NEARBY_DEGREES, NEARBY_DEGREES, len(degrees))
    return np.round(degrees + away, 6)
