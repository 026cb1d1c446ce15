"""What an event type's file says of variables that are not numbers, and what options say instead."""

import pytest

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.treatment_table import treatments_asked
from fraudstream.domain.features.treatments import AUTO, TEXT

BASE = (
    'name = "own"\nid = "number"\n%s[amount]\nfield = "value"\ncurrency = "EUR"\n'
    '[variables]\nshop = "string"\nnumber = "string"\nopened = "timestamp"\nmcc = "integer"\nkm = "float"\n'
)
LISTED = 'features = ["amount"]\n'


def own(table: str = "", features: str = LISTED) -> EventType:
    """Return an event type with a table of treatments."""
    return Declaration(BASE % features + table, "own.toml").read()


def test_without_a_list_of_features_models_learn_of_everything_but_the_id() -> None:
    """And of when an event happened; the table says what is to be otherwise."""
    everything = own(features="").treatments
    otherwise = own('[treatments]\nshop = "none"\nmcc = ["category", "frequency"]\n', features="").treatments

    assert {"shop": AUTO, "opened": AUTO, "event_time": AUTO} == everything
    assert everything | {"shop": (), "mcc": ("category", "frequency")} == otherwise


def test_with_a_list_of_features_models_learn_of_what_the_table_names() -> None:
    """In the order of the declaration of treatments, whatever the order in the file."""
    table = '[treatments]\nshop = ["text", "fraud_rate", "frequency"]\nevent_time = "hour"\n'

    assert {} == own().treatments
    assert {"shop": ("frequency", "fraud_rate", *TEXT), "event_time": ("hour",)} == own(table).treatments


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ('shp = "auto"', "line 14, treatments.shp: there is no variable shp; did you mean shop?"),
        (
            'km = "category"',
            "line 14, treatments.km: km is a float, which is a feature as it is: name it in features instead",
        ),
        ('shop = "hour"', "line 14, treatments.shop: a variable of type string cannot be treated as 'hour'"),
        ('shop = ["auto", "length"]', "line 14, treatments.shop: auto stands alone, without length"),
        ("shop = 3", "line 14, treatments.shop: write one of auto, none, category"),
        ("shop = []", "line 14, treatments.shop: write one of auto, none, category"),
        (
            'number = "length"',
            "line 14, treatments.number: number is the id of an event, which models must not learn",
        ),
        ('value = "auto"', "line 14, treatments.value: there is no variable value"),
    ],
)
def test_a_mistake_is_said_with_its_line(table: str, sentence: str) -> None:
    """And with what to write instead."""
    with pytest.raises(SetupError) as raised:
        own(f"[treatments]\n{table}\n")

    assert f"own.toml, {sentence}" == str(raised.value)[: len(f"own.toml, {sentence}")]


def test_options_count_before_the_file() -> None:
    """What they do not name stays."""
    event_type = own('[treatments]\nshop = "auto"\nopened = "hour"\n')

    asked = treatments_asked(
        event_type.treatments, ["shop=category, text", "mcc=auto", "opened=none"], event_type
    )

    assert {"shop": ("category", *TEXT), "opened": (), "mcc": AUTO} == asked


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("shop", "--treat shop does not say how: write --treat shop=auto"),
        ("shop=", "--treat shop=: a variable of type string cannot be treated as ''"),
        ("shop=magic", "--treat shop=magic: a variable of type string cannot be treated as 'magic'"),
        ("cc_num=auto", "--treat cc_num=auto: there is no variable cc_num"),
        ("number=length", "--treat number=length: number is the id of an event"),
    ],
)
def test_a_mistake_in_an_option_is_said(option: str, sentence: str) -> None:
    """As in the file."""
    with pytest.raises(SetupError) as raised:
        treatments_asked({}, [option], own())

    assert sentence == str(raised.value)[: len(sentence)]
