"""Mistakes in `[velocity]` of a valid event type: what is replaced, by what, and what is said of it."""

VELOCITY_MISTAKES = [
    (
        'country = "string"',
        'country = "string"\n[velocity]\nn = { function = "counts", window = "10m" }',
        "line 22, velocity.n.function: there is no function counts; did you mean count?; there are count, sum, mean, min, max, ",
    ),
    (
        'risk = "float"',
        'risk = "float"\n[velocity]\nn = { function = "count", window = "2 hours" }',
        'line 24, velocity.n.window: \'2 hours\' is no window: write minutes or hours, from "1m" to "24h"',
    ),
    (
        'risk = "float"',
        'risk = "float"\n[velocity]\nn = { function = "count", window = "25h" }',
        "line 24, velocity.n.window: '25h' is no window",
    ),
    (
        'risk = "float"',
        'risk = "float"\n[velocity]\nn = { function = "count", of = "risk", window = "1h" }',
        "line 24, velocity.n.of: count counts events, not values: leave this out",
    ),
    (
        'risk = "float"',
        'risk = "float"\n[velocity]\nn = { function = "sum", window = "1h" }',
        'line 24, velocity.n: write what it is computed from, e.g. of = "amount"; there are amount, country, attempts, risk',
    ),
    (
        'risk = "float"',
        'risk = "float"\n[velocity]\nn = { function = "sum", of = "risc", window = "1h" }',
        "line 24, velocity.n.of: there is no variable risc; did you mean risk?; there are amount, country, attempts, risk",
    ),
    (
        'risk = "float"',
        'risk = "float"\n[velocity]\nn = { function = "max", of = "country", window = "1h" }',
        "line 24, velocity.n.function: max needs numbers, and country is text: use distinct or same_share",
    ),
    (
        'risk = "float"',
        'risk = "float"\n[velocity]\nrisk = { function = "count", window = "1h" }',
        "line 24, velocity.risk: there is a column risk already: use another name",
    ),
    (
        'risk = "float"',
        'risk = "float"\n[velocity]\nnum_trans_last_10m = { function = "count", window = "1h" }',
        "line 24, velocity.num_trans_last_10m: there is a column num_trans_last_10m already",
    ),
    (
        'risk = "float"',
        'risk = "float"\n[velocity]\n"n-1" = { function = "count", window = "1h" }',
        "line 24, velocity.n-1: rules could not name it",
    ),
    (
        'risk = "float"',
        'risk = "float"\n[velocity]\nn = { function = "count" }',
        'line 24, velocity.n: window is missing: write window = "10m"',
    ),
]
