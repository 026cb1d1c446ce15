"""Mistakes in `[reversal]` of a valid event type: what is replaced, by what, and what is said of it."""

RISK = 'risk = "float"'


def reversal(*lines: str, before: str = "") -> str:
    """Return the declaration's variables with a table of reversals after them."""
    return "\n".join([RISK, *filter(None, [before]), "[reversal]", *lines])


REVERSAL_MISTAKES = [
    (RISK, reversal(), 'line 23, reversal: of is missing: write of = "original_id", a variable'),
    (RISK, reversal('of = "county"'), "line 24, reversal.of: there is no variable county; did you mean country?; there are"),
    (RISK, reversal('of = "risk"'), "line 24, reversal.of: risk is a float: only strings, integers and booleans are compared"),
    (
        RISK,
        reversal('of = "country"', 'variable = "attempts"'),
        'line 25, reversal.variable: variable and values belong together, e.g. variable = "kind" and values = ["reversal"]',
    ),
    (RISK, reversal('of = "country"', "values = [1]"), "line 25, reversal.values: variable and values belong together"),
    (RISK, reversal('of = "attempts"'), "line 21, variables.attempts.default: this names the event that is taken back: leave it out"),
    (
        RISK,
        reversal('of = "country"', before="reversal_known = { field = 'x' }"),
        "line 24, reversal: this adds a feature reversal_known, and there is a column of that name already: rename that",
    ),
    (
        'id = "payoutId"',
        'reversal = { of = "country" }',
        "line 2, reversal: this is about another event of the same entity, by its id: declare id, too",
    ),
]  # fmt: skip
