"""fraudstream decides card payments in a stream.

`fraudstream.open` loads a detector for a notebook or a program. Nothing else is imported before it is called, so that
`import fraudstream` costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fraudstream.notebook.detector import OpenDetector

__all__ = ["open"]


def open(event_type: str | None = None, version: str | None = None, **settings: Any) -> "OpenDetector":  # noqa: A001 - `fraudstream.open`, as `webbrowser.open`
    """Load a detector: the model version, the rules and the threshold that decide events of a type.

    `event_type`: the name of one of the package, or the path of your own file; `version`: a number such as "1.2", or "active".
    Further settings by their names in lower case without FRAUDSTREAM_, such as data_dir="demo" or models="s3://bucket/models".
    What is not given is as in the environment and `.env` (docs/reference/settings.md). Raises SetupError with a sentence that
    says what to do.

        detector = fraudstream.open("card", "1.2")
        decisions = detector.decide(frame)
    """
    from fraudstream.notebook.detector import opened

    return opened(event_type, version, settings)
