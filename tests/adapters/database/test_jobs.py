"""Jobs: how far work has come, whether it is still alive, and its end on request, in SQLite and PostgreSQL as they are used."""

import pytest
from sqlalchemy import Engine, update

from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.jobs import SILENT_MS, Cancelled, Jobs, State
from fraudstream.adapters.database.tables import JOBS
from fraudstream.domain.errors import SetupError


@pytest.fixture
def engine(database_url: str) -> Engine:
    """Return a new database."""
    return opened(database_url)


def test_a_job_says_how_far_it_is_and_what_became_of_it(engine: Engine) -> None:
    """To whoever reads the database."""
    jobs = Jobs(engine)
    running = jobs.start("j1", "predict", "a.csv", 100)
    running.beat(40)
    meanwhile = jobs.find("j1")
    running.beat(90)
    running.end(State.DONE, "90 rows")
    ended = jobs.find("j1")

    assert (State.RUNNING, 40, 100, None) == (
        meanwhile.state,
        meanwhile.progress,
        meanwhile.total,
        meanwhile.finished,
    )
    assert (State.DONE, 90, 90, "90 rows") == (ended.state, ended.progress, ended.total, ended.message)
    assert ended.finished is not None
    assert ended.finished >= ended.started


def test_a_cancelled_job_ends_at_its_next_heartbeat_and_may_be_started_again(engine: Engine) -> None:
    """The request is in the database, so the two processes need not know each other."""
    jobs = Jobs(engine)
    running = jobs.start("j1", "predict", "a.csv", None)

    assert State.CANCELLING == jobs.cancel("j1").state
    with pytest.raises(Cancelled, match="the job j1 was cancelled"):
        running.beat(1)
    running.end(State.CANCELLED, "")
    with pytest.raises(SetupError, match="the job j1 is cancelled already"):
        jobs.cancel("j1")
    assert State.RUNNING == jobs.find(jobs.start("j1", "predict", "a.csv", None, 1).id).state
    assert 1 == len(jobs.all())


def test_a_job_without_a_heartbeat_is_silent_and_cancelled_at_once(engine: Engine) -> None:
    """Nobody is there who could end it."""
    jobs = Jobs(engine)
    jobs.start("j1", "predict", "a.csv", None)
    job = jobs.find("j1")
    with engine.begin() as connection:
        connection.execute(update(JOBS).values(heartbeat=job.heartbeat - SILENT_MS - 1))

    assert (False, True) == (job.silent(job.heartbeat), jobs.find("j1").silent(job.heartbeat))
    assert State.CANCELLED == jobs.cancel("j1").state


def test_a_job_that_does_not_exist_is_named_in_a_sentence(engine: Engine) -> None:
    """With the command that lists them."""
    with pytest.raises(SetupError, match="there is no job j2; see: fraudstream jobs list"):
        Jobs(engine).cancel("j2")
