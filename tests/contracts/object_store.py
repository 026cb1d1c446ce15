"""What every object store promises, wherever the objects are."""

import pytest

from fraudstream.adapters.archive.objects import NoSuchObject, ObjectStore


class ObjectStoreContract:
    """Subclass it and say how an empty store is made; the tests come along."""

    def store(self) -> ObjectStore:
        """Return an empty store, not opened yet."""
        raise NotImplementedError

    async def test_what_was_put_is_what_is_got(self) -> None:
        """Bytes are bytes, and a name may have folders."""
        async with self.store() as objects:
            await objects.put("date=2026-11-21/a.parquet", b"\x00one")

            assert b"\x00one" == await objects.get("date=2026-11-21/a.parquet")

    async def test_the_second_put_replaces_the_first(self) -> None:
        """A replay that writes the same file again changes nothing."""
        async with self.store() as objects:
            await objects.put("a", b"one")
            await objects.put("a", b"two")

            assert b"two" == await objects.get("a")
            assert ["a"] == await objects.names()

    async def test_names_come_in_order_and_by_prefix(self) -> None:
        """A day is a prefix; an empty store has no names."""
        async with self.store() as objects:
            assert [] == await objects.names("date=")
            for name in ("date=2/b", "date=1/z", "date=2/a", "other"):
                await objects.put(name, b"")

            assert ["date=1/z", "date=2/a", "date=2/b"] == await objects.names("date=")
            assert ["date=2/a", "date=2/b"] == await objects.names("date=2/")

    async def test_what_is_not_there_is_an_error_to_get_and_none_to_delete(self) -> None:
        """Two compactions may both remove a file."""
        async with self.store() as objects:
            await objects.put("a", b"one")
            await objects.delete("a")
            await objects.delete("a")

            with pytest.raises(NoSuchObject):
                await objects.get("a")

    async def test_many_objects_are_all_listed(self) -> None:
        """S3 lists a thousand at a time; nobody must notice."""
        async with self.store() as objects:
            for number in range(1003):
                await objects.put(f"many/{number:04d}", b"")

            assert 1003 == len(await objects.names("many/"))
