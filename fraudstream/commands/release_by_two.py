"""Where a release is put into use by two people, a command does it only for somebody who says why they are alone."""

import click

from fraudstream.adapters.releases.store import Releases
from fraudstream.domain.errors import SetupError
from fraudstream.domain.releases.release import name_of
from fraudstream.settings import Settings

REASON_LENGTH_MIN = 10
"""A shorter text is no reason."""

alone_option = click.option(
    "--alone",
    default="",
    metavar="REASON",
    help="Where FRAUDSTREAM_RELEASES_BY_TWO is set: why nobody else can approve it. History and audit trail have it.",
)


def approved(settings: Settings, store: Releases, number: int, action: str, why: str, alone: str) -> str:
    """Return the reason for the history; raises SetupError where somebody else has to approve it.

    Who is alone is in the audit trail before anything is changed; without the database nothing is.
    """
    if not settings.releases_by_two:
        return why
    release = name_of(store.event_type, number)
    if len(alone.strip()) < REASON_LENGTH_MIN:
        raise SetupError(
            f"two people put a release into use (FRAUDSTREAM_RELEASES_BY_TWO): propose {action} of {release} in the console, "
            f'where somebody else approves it, or say why nobody can: --alone "at least {REASON_LENGTH_MIN} characters"'
        )
    from fraudstream.adapters.database.audit import append, operator
    from fraudstream.adapters.database.engine import opened, writing

    with writing(opened(settings.database_url)) as connection:
        append(connection, operator(), f"release.{action} alone", release, {"alone": alone, "why": why})
    return f"{why}; alone: {alone}" if why else f"alone: {alone}"
