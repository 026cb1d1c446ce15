"""Reads `[treatments]` of an event type's file, and the same from a command's options: which variables models learn from, and how."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType, Variable
from fraudstream.domain.events.event_type_file import Path
from fraudstream.domain.features.schema import EVENT_TIME
from fraudstream.domain.features.treatments import AUTO, NOT_AT_ALL, OF_TYPES, TEXT, Asked
from fraudstream.domain.names import did_you_mean


def treatments_of(
    event_type: EventType,
    declared: Mapping[str, Any],
    *,
    all_others: bool,
    wrong: Callable[[Path, str], SetupError],
) -> dict[str, Asked]:
    """Return how each variable that is no number is to be treated.

    `all_others`: those that are not declared are treated, too, as is found at training.
    """
    kinds, identifying = types_of(event_type.variables), event_type.identifying
    found: dict[str, Asked] = {}
    if all_others:
        found = {
            name: AUTO
            for name, kind in kinds.items()
            if kind in ("string", "timestamp") and name not in identifying
        }
    for name, raw in declared.items():
        path: Path = ("treatments", name)
        if name in identifying:
            raise wrong(path, f"{name} is the id of an event, which models must not learn: leave it out")
        try:
            found[name] = asked_of(name, [raw] if isinstance(raw, str) else raw, kinds)
        except SetupError as error:
            raise wrong(path, str(error)) from error
    return found


def treatments_asked(
    declared: Mapping[str, Asked], options: Sequence[str], event_type: EventType
) -> dict[str, Asked]:
    """Return the treatments that are declared, with those of options such as shop=frequency,fraud_rate in place of them."""
    kinds, asked = types_of(event_type.variables), dict(declared)
    for option in options:
        name, equals, words = option.partition("=")
        if not equals:
            raise SetupError(f"--treat {option} does not say how: write --treat {option}=auto")
        if name in event_type.identifying:
            raise SetupError(f"--treat {option}: {name} is the id of an event, which models must not learn")
        try:
            asked[name] = asked_of(name, [word.strip() for word in words.split(",")], kinds)
        except SetupError as error:
            raise SetupError(f"--treat {option}: {error}") from error
    return asked


def types_of(variables: Sequence[Variable]) -> dict[str, str]:
    """Return the type of each variable, and of the event's time."""
    return {EVENT_TIME.name: "timestamp"} | {variable.name: variable.type for variable in variables}


def asked_of(name: str, words: Any, kinds: Mapping[str, str]) -> Asked:
    """Return how a variable is to be treated; raises SetupError without a place. `kinds`: of `types_of`."""
    if name not in kinds:
        raise SetupError(f"there is no variable {name}{did_you_mean(name, kinds)}")
    possible = OF_TYPES[kinds[name]]
    if not possible:
        raise SetupError(
            f"{name} is a {kinds[name]}, which is a feature as it is: name it in features instead"
        )
    choices = [str(AUTO), NOT_AT_ALL, *possible, *(["text"] if "length" in possible else [])]
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise SetupError(f"write one of {', '.join(choices)}, or a list of them")
    for word in words:
        if word not in choices:
            raise SetupError(
                f"a variable of type {kinds[name]} cannot be treated as {word!r}{did_you_mean(word, choices)}; there are "
                f"{', '.join(choices)}"
            )
        if word in (AUTO, NOT_AT_ALL) and len(words) > 1:
            raise SetupError(
                f"{word} stands alone, without {' and '.join(each for each in words if each != word)}"
            )
    if words == [AUTO]:
        return AUTO
    named = {each for word in words for each in (TEXT if word == "text" else (word,))}
    return tuple(each for each in possible if each in named)
