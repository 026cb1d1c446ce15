"""What rules of an event type may use."""

from collections.abc import Sequence

from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.catalogue import FEATURES
from fraudstream.domain.features.schema import Type, judged_columns


def rule_columns(event_type: EventType, features: Sequence[str]) -> dict[str, Type]:
    """Return name and type of the columns that rules may use; `features`: those of the model."""
    columns = judged_columns(event_type.entity is not None) | event_type.columns
    columns |= {name: FEATURES[name].column.dtype for name in features if name in FEATURES}
    columns |= {column.name: column.dtype for column in event_type.inputs}
    return columns | {feature.name: feature.column.dtype for feature in event_type.derived}
