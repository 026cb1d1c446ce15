"""What a model version learns of an event's variables, as lines for people."""

from collections.abc import Iterator, Mapping
from typing import Any


def treatment_lines(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each variable that was looked at; none for a version that takes numbers only."""
    for each in manifest.get("treatments", []):
        how = ", ".join(each["treatments"]) or "left out"
        values = f"{each['different_values']:,} values" if each["different_values"] != 1 else "1 value"
        yield (
            f"variable   {each['variable']} ({each['type']}, {values}, {each['missing']:.1%} missing): {how} ({each['why']})"
        )
