"""A directory keeps the contract of a store of models."""

from pathlib import Path

import pytest

from fraudstream.adapters.models.opening import model_store
from fraudstream.domain.registry.store import ModelStore
from tests.contracts.model_store import ModelStoreContract


class TestModelsInDirectory(ModelStoreContract):
    """The default."""

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self.directory = tmp_path / "models"

    def store(self) -> ModelStore:
        """Open the directory."""
        return model_store(self.directory)
