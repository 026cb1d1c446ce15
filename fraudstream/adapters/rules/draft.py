"""The draft of an event type's rules: what people edit before a release is made of it.

`<event type>/ruleset.json` in the store of models. It begins as a copy of the event type's rules. Of two who change it at the
same time one is told who the other was.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from fraudstream.adapters.models.lease import Clock, utc_now
from fraudstream.adapters.models.opening import model_store
from fraudstream.adapters.models.registry import this_user
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.names import did_you_mean
from fraudstream.domain.registry.store import ModelStore
from fraudstream.domain.rule_columns import rule_columns
from fraudstream.domain.rules import Rule, Ruleset
from fraudstream.domain.rules.ruleset import Document
from fraudstream.settings import Settings

FILE = "ruleset.json"
BYTES_MAX = 20_000_000


class DraftFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is in the file: the rules, and who changed them last."""

    ruleset: Document
    at: str
    by: str
    what: str
    """What was changed."""


class Draft(NamedTuple):
    """The rules as they are now."""

    ruleset: Ruleset
    last: DraftFile | None
    """None before the first change: the rules are the event type's."""
    tag: str | None


class ChangedMeanwhile(SetupError):
    """Somebody else changed the draft after it was looked at."""

    def __init__(self, last: DraftFile | None) -> None:
        who = f"{last.by} did this at {last.at[:16]} UTC: {last.what}" if last else "it was deleted"
        super().__init__(f"the draft was changed since you opened it: {who}; nothing of yours was saved yet")


class RulesetDraft:
    """The draft of one event type."""

    def __init__(
        self, store: ModelStore, event_type: EventType, by: str | None = None, clock: Clock = utc_now
    ) -> None:
        self._store, self._event_type, self._clock = store, event_type, clock
        self._by = by or this_user()
        self._name = f"{event_type.name}/{FILE}"
        self.place = f"{store.place}/{self._name}"

    @classmethod
    def of(cls, settings: Settings, event_type: EventType) -> "RulesetDraft":
        """Open the draft of an event type in the store that is set."""
        return cls(model_store(settings.models_place), event_type)

    def read(self) -> Draft:
        """Return the rules as they are now; raises SetupError if the file is damaged."""
        found = self._store.read(self._name, BYTES_MAX)
        if found is None:
            return Draft(self._event_type.ruleset, None, None)
        try:
            last = msgspec.json.decode(found.content, type=DraftFile)
            ruleset = Ruleset(last.ruleset.rules, last.ruleset.mode)
        except (msgspec.DecodeError, SetupError) as error:
            raise SetupError(
                f"{self.place} is not a draft of rules ({error}); restore it from a backup, or delete it"
            ) from error
        return Draft(ruleset, last, found.tag)

    def change(self, what: str, change: Callable[[Ruleset], Ruleset], seen: str | None = None) -> Ruleset:
        """Change the rules, checked against the event type; raises SetupError, also if somebody else changed them meanwhile.

        `seen`: the tag of the draft that whoever changes it has looked at, empty for one that was never changed; raises
        ChangedMeanwhile if it is another now.
        """
        before = self.read()
        if seen is not None and seen != (before.tag or ""):
            raise ChangedMeanwhile(before.last)
        after = change(before.ruleset)
        columns = rule_columns(self._event_type, self._event_type.features)
        for rule in after.rules:
            if rule not in before.ruleset.rules:
                rule.check(columns)
        at = self._clock().isoformat(timespec="seconds")
        content = DraftFile(Document(after.rules, after.mode), at, self._by, what)
        if not self._store.write(self._name, msgspec.json.format(msgspec.json.encode(content)), before.tag):
            other = self.read().last
            who = f"{other.by} did this: {other.what}" if other else "it was deleted"
            raise SetupError(
                f"the draft was changed at the same time: {who}; nothing was written, look at it with: fraudstream rules list, "
                "and run this again"
            )
        return after


def rule_named(ruleset: Ruleset, name: str) -> Rule:
    """Return a rule; raises SetupError that suggests the nearest name."""
    names = [rule.name for rule in ruleset.rules]
    if name not in names:
        raise SetupError(
            f"there is no rule {name!r}{did_you_mean(name, names)}; there are {', '.join(names) or 'none'}"
        )
    return ruleset.rules[names.index(name)]
