"""Makes the weekly store that a setting names."""

from dataclasses import replace

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.extras import extras_named
from fraudstream.adapters.files import secret_in
from fraudstream.adapters.weekly.disk import WeeklyDisk
from fraudstream.adapters.weekly.files import WeeklyFiles
from fraudstream.adapters.weekly.guard import GuardedWeekly
from fraudstream.domain.feature_group import feature_group_named
from fraudstream.domain.weekly import NoWeeks, OnlineStore, WeeklyStore
from fraudstream.settings import Settings


def weekly_store(settings: Settings) -> WeeklyStore:
    """Return the store that a worker asks: snapshots in memory directly, everything slower behind a guard.

    Events without an entity have no weeks, whatever the settings name.
    """
    if event_type_named(settings.event_type).entity is None:
        return NoWeeks()
    store = online_store(settings)
    if isinstance(store, WeeklyFiles):
        return store
    return GuardedWeekly(store, settings.lookup_timeout_ms / 1000, settings.weekly_cache_cards)


def online_store(settings: Settings, puts_per_s: float | None = None) -> OnlineStore:
    """Return the bare store, as the commands fill and check it; raises SetupError if a library is missing."""
    weekly = event_type_named(settings.event_type).weekly
    if settings.weekly_store == "snapshot":
        return WeeklyFiles(settings.weekly_dir, kept=settings.weekly_kept, layout=weekly.layout)
    if settings.weekly_store == "disk":
        return WeeklyDisk(settings.weekly_disk_dir, kept=settings.weekly_kept, weekly=weekly)
    if settings.weekly_store.startswith("redis"):
        with extras_named():
            from fraudstream.adapters.weekly.redis import WeeklyRedis

        path = settings.weekly_password_file
        password = None if path is None else secret_in(path, "FRAUDSTREAM_WEEKLY_PASSWORD_FILE")
        return WeeklyRedis(settings.weekly_store, password, settings.weekly_kept, weekly=weekly)
    with extras_named():
        from fraudstream.adapters.weekly.sagemaker import PUTS_PER_S, WeeklySageMaker
        from fraudstream.adapters.weekly.sagemaker_client import Access

    group = replace(feature_group_named("weekly"), name=settings.weekly_store.removeprefix("sagemaker://"))
    access = Access(settings.weekly_endpoint_url, settings.weekly_region, settings.weekly_profile)
    return WeeklySageMaker(group, access, puts_per_s or PUTS_PER_S, weekly)
