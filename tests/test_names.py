"""Names from settings, files and options never leave the place they are put in."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.models.registry import Registry
from fraudstream.domain.errors import SetupError
from fraudstream.domain.names import NAME_PATTERN, validate_name
from fraudstream.domain.registry.manifest import listed
from fraudstream.settings import Settings
from tests.models import load_model

ESCAPES = [
    "..",
    ".",
    "../secrets",
    "/etc/passwd",
    "a/b",
    "a\\b",
    ".hidden",
    "a\0b",
    "a\n",
    "%2e%2e%2f",
    "card 1",
    "\uff43ard",
    "x" * 65,
]


@pytest.mark.parametrize("name", ["", *ESCAPES])
def test_names_that_are_no_single_component_are_refused(name: str) -> None:
    """Whatever they would have done to a path, a topic or an address."""
    with pytest.raises(SetupError, match="cannot be the name of a model"):
        validate_name("model", name)


@pytest.mark.parametrize("setting", ["app_id", "model", "topic_prefix", "event_type"])
@pytest.mark.parametrize("name", ESCAPES)
def test_settings_are_held_to_the_same(setting: str, name: str) -> None:
    """The state directory, models, topics and the changelog are named after them."""
    with pytest.raises(ValidationError):
        Settings(_env_file=None, **{setting: name})


@pytest.mark.parametrize("name", ESCAPES)
def test_no_file_outside_its_folder_is_opened(tmp_path: Path, name: str) -> None:
    """A model's version comes from a setting or an option, an event type from a setting."""
    models = tmp_path / "models"
    for look in (
        lambda: load_model(models, name),
        lambda: Registry.at(models, name),
        lambda: listed({name: b""}),
        lambda: event_type_named(name),
    ):
        with pytest.raises(SetupError, match=r"cannot be the name of|is not the number of a model version"):
            look()
    assert [] == [path.name for path in tmp_path.rglob("*") if path.is_file()]


def test_ordinary_names_are_names() -> None:
    """Ours, and what people make of them."""
    names = ["fraudstream", "card-2026", "v1.2_3", "_x", "-", "a" * 64]

    assert names == [validate_name("model", name) for name in names]
    assert "^" not in NAME_PATTERN
    assert json.dumps(names)
