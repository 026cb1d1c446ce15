"""Says which days a history lacks, after what was made of it."""

from collections.abc import Mapping
from typing import Any

import click


def warn_of_gaps(history: Mapping[str, Any]) -> None:
    """Say on stderr which days a history lacks."""
    for sentence in history.get("gaps", ()):
        click.echo(f"Warning: {sentence}", err=True)
