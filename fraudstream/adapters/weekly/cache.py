"""A bounded cache of weeks looked up lately, including that an entity has none."""

from collections.abc import Collection, Mapping

from fraudstream.domain.weekly import Week

Key = tuple[int, str]


class WeeklyCache:
    """Two generations of (midnight, entity) -> week: a full young generation replaces the old one, which is dropped.

    What is used moves to the young one and stays. Cheaper than an LRU list, and as bounded.
    """

    def __init__(self, cards_max: int) -> None:
        self._half = cards_max // 2
        self._young: dict[Key, Week | None] = {}
        self._old: dict[Key, Week | None] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def split(self, entities: Collection[str], as_of_ms: int) -> tuple[dict[str, Week], list[str]]:
        """Return the weeks of the entities that have one, and the entities about which nothing is known."""
        weeks: dict[str, Week] = {}
        unknown = []
        for entity in entities:
            key = (as_of_ms, entity)
            if key in self._young:
                week = self._young[key]
            elif key in self._old:
                week = self._old.pop(key)
                self._keep(key, week)
            else:
                unknown.append(entity)
                continue
            if week is not None:
                weeks[entity] = week
        return weeks, unknown

    def add(self, entities: Collection[str], as_of_ms: int, weeks: Mapping[str, Week]) -> None:
        """Remember the weeks of these entities as of a midnight; an entity that is not in `weeks` has none."""
        for entity in entities:
            self._keep((as_of_ms, entity), weeks.get(entity))

    def _keep(self, key: Key, week: Week | None) -> None:
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        if self._half:
            self._young[key] = week
