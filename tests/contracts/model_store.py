"""What every store of models promises, wherever the files are."""

import threading
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta

import pytest

from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.models.training import training
from fraudstream.domain.errors import SetupError
from fraudstream.domain.registry.store import ModelStore, TrainingUnderWay
from fraudstream.domain.registry.version_log import State
from fraudstream.domain.registry.versions import Version

MANIFEST = {"features": ["amount"], "threshold": 0.5}
FILES = {"model.ubj": b"trees", "calibration.json": b"[]"}
FIRST, SECOND = Version(1, 0), Version(2, 0)


class ModelStoreContract(ABC):
    """Conditional writes, and a registry on top of them."""

    @abstractmethod
    def store(self) -> ModelStore:
        """Open the store of this test."""

    def registry(self) -> Registry:
        """Open a registry in it."""
        return Registry(self.store(), "card", "ann@here")

    def trained(self) -> Registry:
        """Return a registry with a version 1.0."""
        registry = self.registry()
        with training(registry) as made:
            made.save(MANIFEST, FILES)
        return registry

    def test_what_is_written_is_read(self) -> None:
        """Bytes, and a tag that says which."""
        store = self.store()

        assert store.read("a/b", 10) is None
        assert store.write("a/b", b"1", None)
        found = self.store().read("a/b", 10)
        assert found is not None
        assert b"1" == found.content

    def test_a_file_that_is_there_is_not_written_as_a_new_one(self) -> None:
        """Of two that begin the same version, one does."""
        self.store().write("a", b"1", None)

        assert not self.store().write("a", b"2", None)
        found = self.store().read("a", 10)
        assert found is not None
        assert b"1" == found.content

    def test_a_file_is_replaced_only_by_who_has_seen_its_content(self) -> None:
        """Nobody's entry in a log is lost."""
        store = self.store()
        store.write("a", b"1", None)
        seen = store.read("a", 10)
        assert seen is not None

        assert store.write("a", b"2", seen.tag)
        assert not store.write("a", b"3", seen.tag)
        assert not store.write("never", b"3", seen.tag)
        assert ["a"] == store.names()

    def test_a_file_that_is_too_large_is_not_read(self) -> None:
        """Memory is not spent on it."""
        self.store().write("a", b"12345", None)

        with pytest.raises(SetupError, match="larger than 4 bytes"):
            self.store().read("a", 4)

    def test_names_are_listed_in_order_and_deleted(self) -> None:
        """By what they begin with; what is not there is no error."""
        store = self.store()
        for name in ("card/1.1/m", "card/1.0/m", "other/1.0/m"):
            store.write(name, b"", None)

        assert ["card/1.0/m", "card/1.1/m"] == store.names("card/")
        store.delete("card/1.0/m")
        store.delete("card/1.0/m")
        assert ["card/1.1/m", "other/1.0/m"] == store.names()

    def test_of_many_writers_at_once_none_is_lost(self) -> None:
        """Each appends its line until it is in."""
        registries = [self.trained(), *(self.registry() for _ in range(3))]
        ends = [
            threading.Thread(target=self._imported, args=(registry, f"why {number}"))
            for number, registry in enumerate(registries)
        ]
        for each in ends:
            each.start()
        for each in ends:
            each.join()

        log = self.registry().log()
        assert [Version(major, 0) for major in range(1, 6)] == list(log.states)
        assert {"why 0", "why 1", "why 2", "why 3"} <= {entry.why for entry in log.entries}

    def _imported(self, registry: Registry, why: str) -> None:
        while True:
            try:
                with training(registry) as made:
                    made.save(MANIFEST, FILES, why)
                return
            except TrainingUnderWay:
                continue

    def test_a_version_is_made_activated_rolled_back_and_deleted(self) -> None:
        """The whole life of two versions."""
        registry = self.trained()
        with training(registry) as made:
            assert SECOND == made.version
            made.save(MANIFEST, FILES)
        registry.activate(FIRST, "the first")
        registry.activate(SECOND, "better")

        assert "2.0" == registry.manifest(registry.resolve())["version"]
        assert FILES == registry.files(registry.manifest(SECOND))
        with pytest.raises(
            SetupError, match=r"cannot delete model 2\.0 .*ACTIVE; activate another version first"
        ):
            registry.delete(SECOND, "gone")
        registry.roll_back("worse")
        assert FIRST == self.registry().resolve()
        registry.delete(SECOND, "gone")

        assert State.DELETED is self.registry().log().states[SECOND]
        assert [] == self.store().names("card/2.0/")
        with training(registry) as made:
            assert Version(3, 0) == made.version
            made.save(MANIFEST, FILES)

    def test_two_trainings_of_one_major_version_exclude_each_other(self) -> None:
        """A sentence, at once; another major version may be trained."""
        registry = self.trained()
        with training(registry, major=1) as first:
            with (
                pytest.raises(
                    TrainingUnderWay, match="another training of version 1 of event type card has not ended"
                ),
                training(self.registry(), major=1),
            ):
                pass
            with training(self.registry()) as other:
                assert SECOND == other.version
                other.save(MANIFEST, FILES)
            first.save(MANIFEST, FILES)

        assert {FIRST: "READY", Version(1, 1): "READY", SECOND: "READY"} == registry.log().states
        assert [] == [name for name in self.store().names("card/") if "training" in name]

    def test_the_lock_of_a_dead_training_is_taken_over(self) -> None:
        """It shows no sign of life for a minute; then its version has FAILED, and it can save nothing any more."""
        registry = self.trained()
        begun = datetime(2026, 1, 1, tzinfo=UTC)
        dying = Registry(self.store(), "card", "bob@there", lambda: begun)
        later = Registry(self.store(), "card", "ann@here", lambda: begun + timedelta(seconds=61))
        with training(dying, major=1) as dead:
            with training(later, major=1) as heir:
                assert Version(1, 2) == heir.version
                heir.save(MANIFEST, FILES)
            with pytest.raises(SetupError, match=r"1\.1 is FAILED"):
                dead.save(MANIFEST, FILES)

        states = registry.log().states
        assert {FIRST: "READY", Version(1, 1): "FAILED", Version(1, 2): "READY"} == states
        assert "its process ended without saving it" == registry.log().of(Version(1, 1))[-1].why

    def test_a_training_that_fails_leaves_nothing_but_its_reason(self) -> None:
        """The error is in the log; the next training gets the next number."""
        registry = self.trained()
        with pytest.raises(ZeroDivisionError), training(registry, major=1):
            raise ZeroDivisionError("no fraud")

        assert "ZeroDivisionError: no fraud" == registry.log().of(Version(1, 1))[-1].why
        assert [] == self.store().names("card/1.1/")
        with training(registry, major=1) as made:
            assert Version(1, 2) == made.version
            made.save(MANIFEST, FILES)

    def test_what_was_changed_in_the_store_is_noticed(self) -> None:
        """Every file by the manifest, the manifest by the log."""
        registry = self.trained()
        for name, said in (
            ("model.ubj", "model.ubj of model 1.0"),
            ("manifest.json", "the manifest of model 1.0"),
        ):
            there = self.store().read(f"card/1.0/{name}", 10_000)
            assert there is not None
            assert self.store().write(f"card/1.0/{name}", there.content[:-1] + b" ", there.tag)

            with pytest.raises(SetupError, match=f"{said}.*checksum differs"):
                registry.files(registry.manifest(FIRST))
