"""docs/event-types.md shows an event type that works, and names every key that there is."""

import json
import re
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from fraudstream.commands.event_types import event_types
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events import event_type_file, velocity_tables, wire
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.events.parser import Parser, entity_index
from fraudstream.domain.events.reversal_table import ReversalTable
from fraudstream.domain.events.weekly_tables import WeeklyTable
from fraudstream.domain.rules import Rule
from fraudstream.domain.tokens import Tokenizer

GUIDE = (Path(__file__).parents[2] / "docs/event-types.md").read_text()
EXAMPLE, *_ = re.findall(r"^```toml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
(RECORD,) = re.findall(r"^```json\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
TABLES = {
    "name": event_type_file.File,
    "format": wire.FormatTable,
    "envelope": wire.EnvelopeTable,
    "entity": event_type_file.EntityTable,
    "time": event_type_file.TimeTable,
    "amount": event_type_file.AmountTable,
    "label": event_type_file.LabelTable,
    "variables": event_type_file.VariableTable,
    "velocity": velocity_tables.VelocityTable,
    "reversal": ReversalTable,
    "weekly": WeeklyTable,
    "derived": msgspec.defstruct("NamesAndSQL", []),
    "treatments": msgspec.defstruct("NamesAndTreatments", []),
    "rules": Rule,
}
"""How the guide's part about a table begins, and its shape in code."""


def test_the_example_is_valid(tmp_path: Path) -> None:
    """As a reader would find out."""
    path = tmp_path / "payout.toml"
    path.write_text(EXAMPLE)
    done = CliRunner().invoke(event_types, ["check", str(path)])

    assert 0 == done.exit_code, done.output
    assert done.stdout.startswith(f"{path} is a valid event type: payout\n")


def test_the_example_reads_the_record_above_it() -> None:
    """Nested fields, minor units, milliseconds, a field that is not declared, and one that is missing."""
    event_type = Declaration(EXAMPLE, "payout.toml").read()
    parser = Parser(event_type, entity_index(event_type, Tokenizer(bytes(32)), 8), 60_000)
    payout = parser.parse(RECORD.encode(), 1_767_225_600_000)
    values = dict(zip((each.name for each in event_type.variables), payout.variables, strict=True))

    assert ("po_7", 125_050, 1_767_225_600_000) == (
        payout.transaction_id,
        payout.cents,
        payout.event_time_ms,
    )
    assert payout.entity is not None
    assert "" == payout.entity.last4
    assert {"country": "DE", "attempts": 4, "risk": None} == values
    assert {"device.os": "iOS"} == json.loads(payout.unknown_fields)


def test_the_mistake_in_the_guide_is_said_so() -> None:
    """With the line that it has in the example."""
    (said,) = re.findall(r"^    Error: (payout\.toml, .*there are) \.\.\.$", GUIDE, re.MULTILINE)

    with pytest.raises(SetupError, match=f"^{re.escape(said)} "):
        Declaration(EXAMPLE.replace("attempts > 3", "atempts > 3"), "payout.toml").read()


def test_every_key_has_its_row() -> None:
    """And no row names a key that is none."""
    parts = re.split(r"^\*\*`\[+(\w+)\]+`\*\*", GUIDE.partition("## Keys")[2], flags=re.MULTILINE)
    texts = dict(zip(("name", *parts[1::2]), parts[::2], strict=True))
    rows = {name: re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) for name, text in texts.items()}
    keys = {name: [field.name for field in msgspec.structs.fields(kind)] for name, kind in TABLES.items()}
    keys["name"] = [key for key in keys["name"] if key not in TABLES or key == "name"]

    assert {name: set(each) for name, each in keys.items()} == {
        name: set(each) for name, each in rows.items()
    }
