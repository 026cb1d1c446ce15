"""What can go wrong, sorted once.

FraudstreamError            anything we can say in one sentence to the person at the keyboard
├── InvalidTransaction      bad input: dead-letter it with its reason and go on
├── WeeklyUnavailable       outage: decide without the week and mark the decision degraded
│   └── WeeklyRefused       the store refuses us: the same in a running worker, a SetupError at the start
├── SetupError              wrong set-up: refuse to start and say what to run
│   ├── WeeklyRefused
│   └── BrokerUnavailable   right set-up, wrong moment: no broker answers; start again later
└── (anything else)         a bug: crash before anything is acknowledged
"""


class FraudstreamError(Exception):
    """Base of all errors whose message is meant for users: one sentence, and what to do about it."""

    later = False
    """Whether a later try may succeed without any change by a person."""


class InvalidTransaction(FraudstreamError):
    """A record that is not a payment we can decide.

    `reason` is a stable machine word (a metric label and a dead letter's field), `detail` one sentence that
    never holds the card number.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class WeeklyUnavailable(FraudstreamError):
    """The weekly store did not answer in time or at all."""

    later = True


class SetupError(FraudstreamError):
    """Something a start needs is missing or does not fit; the message names the command that mends it."""


class WeeklyRefused(WeeklyUnavailable, SetupError):
    """The weekly store refuses us; what to do comes after the last semicolon of the message."""

    later = False


class BrokerUnavailable(SetupError):
    """No broker answers, or none that can do its work; that may pass by itself."""

    later = True
