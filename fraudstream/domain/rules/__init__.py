"""Rules: what they are, how they are judged, and what follows for an event."""

from fraudstream.domain.rules.outcomes import APPROVE, OUTCOMES, Outcome, is_alert, strictest
from fraudstream.domain.rules.rule import Rule, RuleState
from fraudstream.domain.rules.ruleset import SAME_NAME, Mode, Ruleset

__all__ = [
    "APPROVE",
    "OUTCOMES",
    "SAME_NAME",
    "Mode",
    "Outcome",
    "Rule",
    "RuleState",
    "Ruleset",
    "is_alert",
    "strictest",
]
