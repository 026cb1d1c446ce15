"""The model: from a rate of payments and what each costs to processes, machines, memory and bytes. Pure."""

from dataclasses import dataclass
from math import ceil

from fraudstream.sizing.assumptions import Assumptions

DAY_S = 86_400
MB, GB, TB = 1e6, 1e9, 1e12


@dataclass(frozen=True, slots=True)
class Topics:
    """One figure for each topic that payments fill."""

    transactions: float
    transactions_by_card: float
    decisions: float
    alerts: float
    changelog: float

    @property
    def total(self) -> float:
        """The sum of all."""
        return self.transactions + self.transactions_by_card + self.decisions + self.alerts + self.changelog


@dataclass(frozen=True, slots=True)
class Network:
    """Bytes per second at the busiest time, of all brokers or workers together."""

    brokers_in: float
    """From producers and workers, and from brokers to their replicas."""
    brokers_out: float
    """To workers, readers and replicas."""
    workers_in: float
    workers_out: float


@dataclass(frozen=True, slots=True)
class Sizing:
    """What a rate of payments needs."""

    workers: int
    partitions: int
    worker_cores: float
    worker_memory_bytes: float
    state_bytes: float
    """RocksDB of all workers together."""
    weekly_snapshot_bytes: float
    """For each worker that keeps the snapshot in memory; a shared store needs it once."""
    brokers: int
    brokers_because: str
    """What decides their number: replication, CPU, network or disk."""
    broker_cores: float
    broker_memory_bytes: float
    broker_disk_bytes: float
    """What all topics keep, with their replicas."""
    topic_bytes_per_day: Topics
    """One replica, at the mean rate."""
    archive_bytes_per_day: float
    network: Network


def sized(given: Assumptions) -> Sizing:
    """Return what these payments need."""
    workers, partitions = _workers(given)
    each = written(given)
    network = _network(given, each)
    per_day = _scaled(each, given.payments_per_second * given.mean_share * DAY_S)
    disk = _kept(given, per_day) * given.replication
    brokers, because = _brokers(given, network, disk)
    return Sizing(
        workers=workers,
        partitions=partitions,
        worker_cores=workers * given.worker_cores,
        worker_memory_bytes=workers * given.worker_memory_mb * MB,
        state_bytes=given.payments_per_second * given.state_s * given.state_bytes,
        weekly_snapshot_bytes=given.cards * given.weekly_bytes_per_card,
        brokers=brokers,
        brokers_because=because,
        broker_cores=brokers * given.broker_cores,
        broker_memory_bytes=brokers * given.broker_memory_gb * GB,
        broker_disk_bytes=disk,
        topic_bytes_per_day=per_day,
        archive_bytes_per_day=given.payments_per_second * given.mean_share * DAY_S * given.archive_row_bytes,
        network=network,
    )


def written(given: Assumptions) -> Topics:
    """Return the bytes that a payment leaves in each topic, on average."""
    return Topics(
        transactions=given.transaction_bytes,
        transactions_by_card=given.repartitioned_share * given.repartitioned_bytes,
        decisions=given.decision_bytes,
        alerts=given.alert_share * given.alert_bytes,
        changelog=given.changelog_bytes,
    )


def _workers(given: Assumptions) -> tuple[int, int]:
    """Return the number of workers and of partitions, at least one worker."""
    work = given.payments_per_second * (1 + given.repartitioned_share * given.repartition_cost)
    workers = max(1, ceil(work / (given.worker_payments_per_second * given.worker_load)))
    return workers, workers * given.partitions_per_worker


def _network(given: Assumptions, each: Topics) -> Network:
    """Every record is written once and copied to the other replicas; workers read payments, readers decisions."""
    rate = given.payments_per_second
    produced = rate * each.total
    copied = produced * (given.replication - 1)
    workers_in = rate * (each.transactions + each.transactions_by_card)
    workers_out = rate * (each.total - each.transactions)
    read = rate * (given.readers * each.decisions + each.alerts)
    return Network(produced + copied, copied + workers_in + read, workers_in, workers_out)


def _brokers(given: Assumptions, network: Network, disk: float) -> tuple[int, str]:
    """Return the number of brokers and what decides it; each replica is taken to cost what the first one does."""
    cpu_s = given.payments_per_second * given.broker_cpu_us_per_payment / 1e6 * given.replication
    traffic = max(network.brokers_in, network.brokers_out)
    needed = {
        "replication": given.replication,
        "CPU": ceil(cpu_s / (given.broker_cores * given.broker_load)),
        "network": ceil(traffic / (given.broker_mb_per_second * MB * given.broker_load)),
        "disk": ceil(disk / (given.broker_disk_tb * TB * given.broker_load)),
    }
    because = max(needed, key=lambda name: needed[name])
    return needed[because], because


def _kept(given: Assumptions, per_day: Topics) -> float:
    """Return what one replica of all topics takes on disk."""
    return (
        (per_day.transactions + per_day.transactions_by_card) * given.transactions_days
        + per_day.decisions * given.decisions_days
        + per_day.alerts * given.alerts_days
        + per_day.changelog * given.changelog_days
    )


def _scaled(each: Topics, times: float) -> Topics:
    return Topics(
        each.transactions * times,
        each.transactions_by_card * times,
        each.decisions * times,
        each.alerts * times,
        each.changelog * times,
    )
