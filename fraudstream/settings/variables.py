"""The FRAUDSTREAM_* variables that exist; a misspelt one would silently leave a setting at its default."""

import re
from collections.abc import Iterable

from fraudstream.domain.errors import SetupError
from fraudstream.domain.names import did_you_mean

PREFIX = "FRAUDSTREAM_"

CACHE_VARIABLE = "FRAUDSTREAM_CACHE_DIR"
"""Environment variable: where downloads are kept; default $XDG_CACHE_HOME/fraudstream or ~/.cache/fraudstream."""

REPOSITORY_VARIABLE = "FRAUDSTREAM_MAVEN_REPOSITORY"
"""Environment variable: URL of the Maven repository; default Maven Central."""

KUBERNETES = re.compile(
    rf"{PREFIX}(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)"
)
"""What Kubernetes (and Docker, for links) puts into every container for a Service whose name begins with `fraudstream`:
https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables"""


def variable(field: str) -> str:
    """Return the variable of a setting.

    >>> variable("web_port")
    'FRAUDSTREAM_WEB_PORT'
    """
    return PREFIX + field.upper()


def refuse_unknown(given: Iterable[str], fields: Iterable[str], where: str) -> None:
    """Raise SetupError if a variable with our prefix does not exist."""
    known = [variable(field) for field in fields] + [CACHE_VARIABLE, REPOSITORY_VARIABLE]
    for name in sorted(map(str.upper, given)):
        if name.startswith(PREFIX) and name not in known and not KUBERNETES.fullmatch(name):
            raise SetupError(
                f"there is no setting {name} ({where}){did_you_mean(name, known) or '; see docs/reference/settings.md'}"
            )
