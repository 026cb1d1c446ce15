"""Mistakes in the rules of the event type in declared_mistakes.py: what is replaced, by what, and what is said of it."""

RULE_MISTAKES = [
    (
        'outcome = "block"',
        'outcome = "block"\nstate = "actve"',
        "line 28, rules.state: 'actve' is not one of active, shadow, paused, draft; did you mean active?",
    ),
    (
        'outcome = "block"',
        'outcome = "block"\nexpires_at = 2027-01-01',
        "line 28, rules.expires_at: write a moment with its zone, e.g. 2020-01-01T00:00:00Z",
    ),
    (
        'outcome = "block"',
        'outcome = "block"\nexpires_at = 2027-01-01T00:00:00',
        "line 28, rules.expires_at: write a moment with its zone, e.g. 2020-01-01T00:00:00Z",
    ),
    (
        'outcome = "block"',
        'outcome = "block"\nprioritty = 3',
        "line 28, rules.prioritty: there is no key prioritty; did you mean priority?; there are name, when, outcome, priority, "
        "tags, reason, owner, expires_at, pass_share, state, overrides",
    ),
    (
        'outcome = "block"',
        'outcome = "block"\npass_share = 1',
        "line 24, rules: rule 'risky' has pass_share 1.0: write a share from 0 to below 1; to stop it, pause it",
    ),
    (
        'outcome = "block"',
        'outcome = "block"\npass_share = "a tenth"',
        "line 28, rules.pass_share: write a number, not text in quotes",
    ),
    (
        'outcome = "block"',
        'outcome = "block"\ntags = "card"',
        'line 28, rules.tags: write a list, e.g. ["a", "b"], not text in quotes',
    ),
    (
        'id = "payoutId"',
        'id = "payoutId"\nrules_mode = "first"',
        "line 3, rules_mode: 'first' is not one of strictest, first_match; did you mean first_match?",
    ),
]
