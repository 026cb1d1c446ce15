"""Changes the log of releases and tells workers, and checks a release as they do. Commands and the console do it alike."""

from aiokafka.errors import KafkaError

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.releases.entries import Entries
from fraudstream.adapters.releases.loading import Check, load
from fraudstream.adapters.releases.store import Releases
from fraudstream.adapters.releases.telling import tell, telling
from fraudstream.adapters.releases.trying import dry_run_now
from fraudstream.domain.errors import FraudstreamError
from fraudstream.domain.releases.release_log import ReleaseLog
from fraudstream.settings import Settings


class Untold(FraudstreamError):
    """The log was changed, and workers do not know it yet."""

    later = True


async def changed(settings: Settings, store: Releases, entries: Entries) -> ReleaseLog:
    """Append to the log, then tell workers what it says; a broker has to answer before anything is changed.

    If this process is killed in between, whoever changes something next tells it, too.
    """
    async with telling(settings) as publisher:
        log = store.append(entries)
        try:
            await tell(publisher, settings, log)
        except (FraudstreamError, KafkaError) as error:
            raise Untold(
                f"the log has the change, but workers were not told ({error}); tell them with: fraudstream releases publish"
            ) from error
    return log


def checked(settings: Settings, store: Releases, number: int) -> list[Check]:
    """Load a release with every check; raises SetupError that says which it failed. Not to be called from an event loop."""
    log, found = store.log(), list[Check]()
    store.require(log, number)
    event_type = event_type_named(settings.event_type)
    load(store, log.sha256_of(number), event_type, dry_run_now(settings, event_type), found.append)
    return found
