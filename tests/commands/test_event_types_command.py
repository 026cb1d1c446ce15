"""`fraudstream event-types`, as users run it."""

import csv
import json
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.adapters.event_types import event_types as names_of_the_package
from fraudstream.adapters.event_types import text_of
from fraudstream.commands.event_types import event_types
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.events.summary import ENTITY_KINDS
from fraudstream.domain.tokens import EntityKind
from fraudstream.offline.infer_columns import inferred
from fraudstream.offline.infer_text import toml_of
from fraudstream.settings import Settings
from tests.commands.running import fraudstream
from tests.domain.declared_mistakes import VALID

SPARKOV = (
    "index,trans_date_trans_time,cc_num,merchant,category,amt,first,last,gender,street,city,state,zip,lat,long,city_pop,"
    "job,dob,trans_num,unix_time,merch_lat,merch_long,is_fraud"
)
SPARKOV_ROWS = [
    "0,2019-01-01 00:00:18,2703186189652095,Kub and Mann,misc_net,4.97,Ann,Banks,F,561 Perry Cove,Moravian Falls,NC,28654,"
    "36.0788,-81.1781,3495,Psychologist,1988-03-09,0b242abb623afc57,1325376018,36.011293,-82.048315,0",
    "1,2019-01-01 00:00:44,630423337322,Gill and Zieme,grocery_pos,107.23,Eve,Gill,F,43039 Riley Greens,Orient,WA,99160,"
    "48.8878,-118.2105,149,Teacher,1978-06-21,1f76529f85747349,1325376044,49.159046999999994,-118.186462,1",
]
CREDITCARD = ",".join(
    f'"{name}"' for name in ("Time", *(f"V{number}" for number in range(1, 29)), "Amount", "Class")
)
CREDITCARD_ROWS = [
    f'{second},{",".join(["-1.3598071336738"] * 28)},{amount},"{fraud}"'
    for second, amount, fraud in ((0, 149.62, 0), (1, 2, 0), (406, 0, 1))
]


def run(*arguments: str | Path) -> str:
    """Run a command that must succeed, and return what it prints on stdout."""
    done = CliRunner().invoke(event_types, list(map(str, arguments)))
    assert 0 == done.exit_code, done.output
    return done.stdout


def file_of(directory: Path, name: str, *lines: str) -> Path:
    """Write a file."""
    path = directory / name
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_package_s_event_types_are_listed() -> None:
    """A line each."""
    lines = run("list").splitlines()
    facts = json.loads(run("list", "--json"))

    assert names_of_the_package() == [line.split()[0] for line in lines] == [each["name"] for each in facts]
    assert ["card", "entity", "cc_num,", "amount", "amount,", "2", "variables"] in [
        line.split() for line in lines
    ]


def test_a_declaration_is_shown_as_it_is(tmp_path: Path) -> None:
    """So that it can be the start of another one."""
    path = file_of(tmp_path, "payout.toml", VALID.rstrip())

    assert text_of("card") == run("show", "card")
    assert VALID == run("show", path)
    assert "account.id" == json.loads(run("show", path, "--json"))["entity"]["field"]


def test_a_valid_file_is_said_in_words(tmp_path: Path) -> None:
    """What its author meant can be compared with it."""
    path = file_of(tmp_path, "payout.toml", VALID)

    assert [
        f"{path} is a valid event type: payout",
        "  entity        account.id, an id of any form",
        "  id            payoutId",
        "  time          created: numbers are milliseconds, text is ISO 8601; without it Kafka's timestamp",
        "  amount        money.value, in minor units, USD or JPY, as money.currency says, at most 1,000,000,000,000.00; below zero it is "
        "a refund, which is decided and does not count as spending",
        "  variables     country (string); attempts (integer); risk (float)",
        "  label         none",
        "  features      3: amount, amt_ratio1, risk",
        "  rules         risky: block if risk > 0.9; tried-often: review if attempts > 3 and country = 'US'",
        "  other fields  are published among the decision's variables",
    ] == run("check", path).splitlines()


@pytest.mark.parametrize("name", names_of_the_package())
def test_every_event_type_of_the_package_is_said_in_words(name: str) -> None:
    """Whatever it declares."""
    assert run("check", name).startswith(f"{name} is a valid event type: {name}\n  entity ")


def test_every_kind_of_entity_has_words() -> None:
    """For `check`."""
    assert set(get_args(EntityKind)) == set(ENTITY_KINDS)


def test_facts_have_the_defaults(tmp_path: Path) -> None:
    """A script need not know them."""
    path = file_of(tmp_path, "sum.toml", 'name = "sum"', "[amount]", 'field = "a"', 'currency = "JPY"')
    facts = json.loads(run("check", path, "--json"))

    assert facts["entity"] is facts["id"] is facts["label"] is None
    assert {"fields": [], "unit": "s", "origin_ms": 0} == facts["time"]
    assert ("JPY", 0, 1e14, "decide") == tuple(
        facts["amount"][key] for key in ("currency", "decimals", "max", "refunds")
    )
    assert ("keep", ["amount"], []) == (facts["unknown_fields"], facts["features"], facts["rules"])


def test_a_mistake_ends_with_code_2_and_one_sentence(tmp_path: Path) -> None:
    """On stderr; scripts read stdout."""
    path = file_of(tmp_path, "payout.toml", VALID.replace('"risk > 0.9"', '"rsik > 0.9"'))
    settings = Settings(_env_file=None, data_dir=tmp_path)
    done = fraudstream(settings, "event-types", "check", path, "--json")

    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith(
        f"Error: {path}, line 26, rules.when: rule 'risky' uses an unknown column, rsik; did you mean risk?"
    )
    assert 1 == done.stderr.count("\n")


def test_sparkov_is_drafted(tmp_path: Path) -> None:
    """Card, id, time, amount and label by their names; a zip code is text, a row's number no feature."""
    csv_file = file_of(tmp_path, "sparkov.csv", SPARKOV, *SPARKOV_ROWS)
    draft = file_of(tmp_path, "sparkov.toml", run("infer", csv_file))
    facts = json.loads(run("check", draft, "--json"))
    types = {each["name"]: each["type"] for each in facts["variables"]}

    assert {"field": "cc_num", "kind": "card-number"} == facts["entity"]
    assert ("sparkov", "trans_num", "amt") == (facts["name"], facts["id"], facts["amount"]["field"])
    assert ["trans_date_trans_time"] == facts["time"]["fields"]
    assert {"field": "is_fraud", "fraud": []} == facts["label"]
    assert {"float": 4, "integer": 3, "timestamp": 1, "string": 10} == {
        kind: list(types.values()).count(kind) for kind in ("float", "integer", "timestamp", "string")
    }
    assert ("string", "timestamp", "float") == (types["zip"], types["dob"], types["merch_lat"])
    assert {"city_pop", "lat"} <= set(facts["features"])
    assert not {"index", "unix_time"} & set(facts["features"])


def test_sparkov_s_first_column_may_have_no_name(tmp_path: Path) -> None:
    """It is so in the published file; and a card number of eleven digits makes all of them account numbers, which the draft says."""
    short = SPARKOV_ROWS[1].replace("630423337322", "60416207185")
    csv_file = file_of(tmp_path, "fraudTrain.csv", SPARKOV.removeprefix("index"), SPARKOV_ROWS[0], short)
    drafted = run("infer", csv_file, "--name", "sparkov")

    assert "# The column without a name is left out." in drafted
    assert 'kind = "account-number"  # of 2 values 1 may be card numbers' in drafted
    assert "sparkov" == Declaration(drafted, "draft.toml").read().name


def test_creditcard_is_drafted(tmp_path: Path) -> None:
    """No entity, seconds since a moment that only its owner knows, 28 numbers, and a label called Class."""
    csv_file = file_of(tmp_path, "creditcard.csv", CREDITCARD, *CREDITCARD_ROWS)
    drafted = run("infer", csv_file)
    facts = json.loads(run("check", file_of(tmp_path, "creditcard.toml", drafted), "--json"))

    assert "# [entity]  # no column looks like" in drafted
    assert '# id = "..."' in drafted
    assert "origin = 2020-01-01T00:00:00Z  # guessed" in drafted
    assert ("creditcard", None, None, "Amount", "Class") == (
        facts["name"],
        facts["entity"],
        facts["id"],
        facts["amount"]["field"],
        facts["label"]["field"],
    )
    assert (["Time"], "s", 1_577_836_800_000) == tuple(facts["time"].values())
    assert ["amount", *(f"V{number}" for number in range(1, 29))] == facts["features"]


def test_other_people_s_names_are_guessed_and_said(tmp_path: Path) -> None:
    """An account's id, cents with a currency, milliseconds, and names that a decision or SQL cannot have."""
    csv_file = file_of(
        tmp_path,
        "Payouts 2026.csv",
        "paymentId,accountId,companyName,created,amount_cents,currency,score,home town,verdict,branch",
        "p1,acc_1,Ltd,1767225600000,1250,USD,7,Bonn,legit,01067",
        "p2,acc_1,Inc,1767225601000,-99,JPY,9,Ulm,scam,04109",
    )
    drafted = run("infer", csv_file)
    facts = json.loads(run("check", file_of(tmp_path, "payouts.toml", drafted), "--json"))

    assert ("payouts-2026", "paymentId") == (facts["name"], facts["id"])
    assert {"field": "accountId", "kind": "text"} == facts["entity"]
    assert (["created"], "ms") == (facts["time"]["fields"], facts["time"]["unit"])
    assert ("minor-units", "currency", ["JPY", "USD"]) == tuple(
        facts["amount"][key] for key in ("form", "currency_field", "currencies")
    )
    assert 'refunds = "decide"  # there are amounts below zero' in drafted
    assert [
        ("companyName", "string", "companyName"),
        ("home_town", "string", "home town"),
        ("verdict", "string", "verdict"),
        ("branch", "string", "branch"),
        ("own_score", "integer", "score"),
    ] == [(each["name"], each["type"], each["field"]) for each in facts["variables"]]


def test_a_file_for_fraud_detector_is_drafted(tmp_path: Path) -> None:
    """Its label is no feature, and neither is when that was known; rows without one do not hide it."""
    csv_file = file_of(
        tmp_path,
        "transactions.csv",
        "EVENT_LABEL,EVENT_TIMESTAMP,LABEL_TIMESTAMP,EVENT_ID,ENTITY_TYPE,ENTITY_ID,card_bin,ip_address,order_price",
        "0,2022-12-24T15:53:30Z,2022-12-24T15:53:30Z,1012,customer,070-69-2161,304027,25.45.36.165,7.53",
        ",2022-12-02T06:58:04Z,,101a,customer,016-45-7761,601104,92.184.219.28,816.33",
        "1,2022-12-03T06:58:04Z,2022-12-05T06:58:04Z,101b,customer,016-45-7762,601104,92.184.219.29,8.00",
    )
    drafted = run("infer", csv_file)
    facts = json.loads(run("check", file_of(tmp_path, "transactions.toml", drafted), "--json"))

    assert "# ENTITY_TYPE, LABEL_TIMESTAMP: of Amazon Fraud Detector's files" in drafted
    assert ({"field": "ENTITY_ID", "kind": "text"}, "EVENT_ID") == (facts["entity"], facts["id"])
    assert {"field": "EVENT_LABEL", "fraud": []} == facts["label"]
    assert (["EVENT_TIMESTAMP"], "order_price") == (facts["time"]["fields"], facts["amount"]["field"])
    assert {"card_bin", "ip_address"} == {each["name"] for each in facts["variables"]}


def test_a_file_without_an_amount_is_drafted_with_a_gap(tmp_path: Path) -> None:
    """Exit code 2 tells a script that somebody has to fill it in."""
    done = CliRunner().invoke(event_types, ["infer", str(file_of(tmp_path, "log.csv", "who,when", "a,b"))])

    assert 2 == done.exit_code
    assert "# [amount]  # no column looks like one" in done.stdout
    assert "no column looks like an amount: fill in [amount] yourself\n" == done.stderr


def test_a_file_without_a_header_is_refused_and_not_repeated(tmp_path: Path) -> None:
    """Its first row would be the names of fields, a card number among them."""
    path = file_of(tmp_path, "x.csv", "4006080197832643,12.5", "4006080197832643,13")
    done = fraudstream(Settings(_env_file=None, data_dir=tmp_path), "event-types", "infer", path)

    assert (2, "") == (done.returncode, done.stdout)
    assert f"Error: the first line of {path} holds numbers or times" in done.stderr
    assert "97832643" not in done.stderr


@pytest.mark.parametrize("content", [b"", b"cc_num,amt\n", b"PAR1\x15\x04\xff\xfe\x00\n1\n", b"a,a\n1,2\n"])
def test_a_file_that_is_not_a_table_is_refused(tmp_path: Path, content: bytes) -> None:
    """With a sentence."""
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    done = fraudstream(Settings(_env_file=None, data_dir=tmp_path), "event-types", "infer", path)

    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("Error: ")
    assert 1 == done.stderr.count("\n")


CELL = st.sampled_from(
    ["", "1", "01", "-2.5", "1e3", "nan", "true", "2020-01-01", "4006080197832643", "x\ty", '"', "USD"]
)
HEADER = st.one_of(
    st.text(min_size=1, max_size=12),
    st.sampled_from(
        ["Amount", "card", "score", "probability", "time", "id", "Class", "currency", "a.b", "own_card"]
    ),
)


@given(st.data(), st.lists(HEADER, max_size=8, unique_by=str.strip))
def test_every_draft_with_an_amount_is_valid(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, names: list[str]
) -> None:
    """Whatever the columns are called and hold."""
    header = [name for name in names if name.strip() and name.strip() != "amt" and "\0" not in name]
    header = [name for name in header if not name.strip().lstrip("-")[:1].isdigit()]
    path = tmp_path_factory.mktemp("draft") / "x.csv"
    rows = data.draw(st.lists(st.tuples(*[CELL] * len(header)), min_size=1, max_size=4))
    with path.open("w", newline="", encoding="utf-8", errors="surrogatepass") as text:
        csv.writer(text).writerows([["amt", *header], *(["12.5", *row] for row in rows)])
    drafted = toml_of(inferred(path, None, "utf-8", ","))

    assert "x" == Declaration(drafted, "draft.toml").read().name
