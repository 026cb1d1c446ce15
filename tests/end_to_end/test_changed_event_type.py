"""An event type that is changed under a running group: refused with what to do, and fine once all have stopped."""

from pathlib import Path

from fraudstream.adapters.event_types import text_of
from fraudstream.settings import Settings
from tests.chaos.workers import until
from tests.end_to_end.harness import Worker
from tests.end_to_end.test_damaged_state import ended
from tests.shared import PATIENCE_S


async def test_workers_of_a_group_have_one_event_type(kafka_settings: Settings, tmp_path: Path) -> None:
    """A comment may differ, a variable may not; after all have been killed the new file is taken."""
    text = text_of("card")
    changes = {
        "a": text,
        "b": f"# new\n{text}",
        "c": text.replace('zip_code = "string"', 'zip_code = "integer"'),
    }
    for name, declared in changes.items():
        (tmp_path / f"{name}.toml").write_text(declared)

    def worker(name: str) -> Worker:
        return Worker(
            kafka_settings.model_copy(
                update={
                    "event_type": str(tmp_path / f"{name}.toml"),
                    "state_dir": tmp_path / name,
                    "session_timeout_s": 6.0,
                    "web": False,
                }
            )
        )

    def deciding(running: Worker) -> bool:
        return "deciding partitions" in running.log

    with worker("a") as first:
        assert await until(lambda: deciding(first), PATIENCE_S)
        with worker("b") as commented:
            assert await until(lambda: deciding(commented), PATIENCE_S), commented.log
            with worker("c") as changed:
                assert 2 == await ended(changed)
            assert "the event type card was changed" in changed.log
            assert "runs with card, which differs in variables; stop them all first" in changed.log
            assert "Traceback" not in changed.log
            first.kill()
            commented.kill()
    with worker("c") as anew:
        assert await until(lambda: deciding(anew), PATIENCE_S), anew.log
