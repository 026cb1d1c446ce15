"""What a query may not do, whatever is tried: read files, ask the network, change something, run for ever, or answer without end."""

import asyncio
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fraudstream.analytics.files import ArchiveFiles, Days, Files
from fraudstream.console.query import running
from fraudstream.console.query.running import KEPT, Queries, QueryFailed
from tests.analytics.history import write
from tests.console.query.asking import DAYS, asked
from tests.shared import PATIENCE_S

REFUSED = (
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/proc/self/environ')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM '/etc/passwd'",
    "FROM 'https://example.com/x.parquet'",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "WITH a AS (SELECT * FROM read_json('/etc/hosts')) SELECT * FROM a",
    'WITH "/etc/passwd" AS (SELECT 1) SELECT * FROM "/etc/passwd"',
    "COPY payments TO '/tmp/stolen.csv'",
    "COPY (SELECT 1) TO '/dev/stdout'",
    "ATTACH '/tmp/other.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PRAGMA database_list",
    "SELECT * FROM pragma_database_list()",
    "SET memory_limit = '100GB'",
    "SET enable_external_access = true",
    "RESET lock_configuration",
    "SELECT getenv('HOME')",
    "SELECT current_setting('allowed_paths')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT sql FROM duckdb_views()",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('payments')",
    "SELECT * FROM (DESCRIBE payments)",
    "SHOW TABLES",
    "EXPLAIN ANALYZE SELECT 1",
    "CREATE TABLE x AS SELECT 1",
    "INSERT INTO labels VALUES (1)",
    "DELETE FROM labels",
    "DROP VIEW payments",
    "CREATE MACRO f() AS 1",
    "CALL pragma_version()",
    "EXECUTE x",
    "EXPORT DATABASE '/tmp/x'",
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY payments TO '/tmp/x'",
    "SELECT 1 /* ; */; DROP VIEW payments",
    "SELECT 1 -- ;\n; ATTACH '/tmp/x'",
    "SELECT '''; ATTACH ''/tmp/x'''; ATTACH '/tmp/x'",
    "SELECT $$ ; $$; INSTALL httpfs",
    "SELECT * FROM other",
    "SELECT * FROM memory.main.payments",
    "SELECT * FROM sys.payments",
    "",
    ";",
    "-- nothing",
    "x" * 20_001,
    "SELECT " + "(" * 2_000 + "1" + ")" * 2_000,
)


@pytest.mark.parametrize("sql", REFUSED)
def test_nothing_but_one_select_of_our_tables_is_run(files: Files, sql: str) -> None:
    """With a sentence that says what can be, and without a path of this machine."""
    found = asked(files, sql)

    assert ["error"] == list(found)
    assert "root:" not in found["error"]
    assert "archive/" not in found["error"]


def test_even_what_the_check_would_let_pass_can_open_no_file(files: Files, tmp_path: Path) -> None:
    """DuckDB itself may open the archive's files and no others, and nobody can change that any more."""
    import duckdb

    from fraudstream.console.query.child import opened

    other = tmp_path / "other.csv"
    other.write_text("a\n1\n")
    decisions, labels = ([str(path) for path in paths] for paths in (files.all_decisions, files.labels))
    database = opened(decisions, labels, DAYS.since_ms, DAYS.until_ms, DAYS.zone)

    for sql in (
        f"SELECT * FROM read_csv('{other}')",
        f"SELECT * FROM '{other}'",
        f"SELECT * FROM glob('{tmp_path}/*')",
        f"COPY (SELECT 1) TO '{tmp_path}/stolen.csv'",
        f"ATTACH '{tmp_path}/new.db'",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET memory_limit = '100GB'",
        "INSTALL httpfs",
    ):
        with pytest.raises(duckdb.Error):
            database.execute(sql).fetchall()
    assert ["other.csv"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT count(*) FROM payments", [[3]]),
        ("FROM payments SELECT transaction_id WHERE outcome = 'review'", [["p1"]]),
        ("WITH a AS (SELECT 1 AS x) SELECT * FROM a UNION ALL SELECT 2 -- ; DROP", [[1], [2]]),
        (
            "SELECT p.outcome, l.is_fraud FROM payments p JOIN newest_labels l USING (transaction_id)",
            [["review", True]],
        ),
        ("SELECT count(*) FROM labels;", [[2]]),
        (
            "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT max(n) FROM t",
            [[3]],
        ),
        ("SELECT sum(x) FROM range(5) r(x)", [[10]]),
        (
            "SELECT 'a' AS x, DATE '2020-02-03' AS x, [1, NULL], {'a': 1.5}",
            [["a", "2020-02-03", [1, None], {"a": 1.5}]],
        ),
        (
            "SELECT 170141183460469231731687303715884105727::HUGEINT, 'nan'::DOUBLE",
            [["170141183460469231731687303715884105727", "nan"]],
        ),
        ("SELECT transaction_id FROM payments WHERE false", []),
    ],
)
def test_a_select_is_answered(files: Files, sql: str, rows: list[list[Any]]) -> None:
    """Joins, named queries, recursion with an end; what JSON has no type for is text."""
    found = asked(files, sql)

    assert "error" not in found, found
    assert rows == found["rows"]


def test_columns_with_one_name_get_numbers(files: Files) -> None:
    """A file needs names that differ."""
    assert [("x", "INTEGER"), ("x_2", "INTEGER"), ("x_3", "INTEGER")] == asked(
        files, "SELECT 1 AS x, 2 AS x, 3 AS x"
    )["columns"]


def test_a_result_ends_at_its_limits(files: Files) -> None:
    """By rows and by bytes, without computing the rest."""
    rows = asked(files, "SELECT * FROM range(1000000000000)", rows_max=700)
    wide = asked(
        files, "SELECT repeat('x', 1000) FROM range(1000000000000)", rows_max=10_000, bytes_max=1_200_000
    )

    assert (700, True) == (len(rows["rows"]), rows["cut"])
    assert (1_000, True) == (len(wide["rows"]), wide["cut"])


def test_an_archive_without_labels_has_the_table_all_the_same(tmp_path: Path) -> None:
    """With nothing in it."""
    write(tmp_path, [{}])
    found = asyncio.run(ArchiveFiles(str(tmp_path), tmp_path / "copies").found(Days()))

    assert [[0]] == asked(found, "SELECT count(*) FROM newest_labels")["rows"]
    assert {"payments", "labels", "newest_labels"} == asked(found, None)["tables"].keys()


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        (
            "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t",
            "longer than 3 s",
        ),
        ("SELECT count(*) FROM range(100000000) a, range(100000000) b", "memory|longer"),
        ("SELECT list(repeat('x', 1000000) || i) FROM range(100000) r(i)", "memory|longer"),
    ],
)
def test_what_does_not_end_is_killed(files: Files, sql: str, sentence: str) -> None:
    """The process is gone when the answer is there."""
    with pytest.raises(QueryFailed, match=sentence):
        asyncio.run(Queries(3.0).run(sql, files, DAYS))

    assert [] == children()


def test_a_query_whose_asker_has_gone_ends(files: Files) -> None:
    """Whoever closes the browser leaves no process behind."""

    async def leave() -> None:
        sql = "SELECT count(*) FROM range(100000000) a, range(100000000) b"
        running_query = asyncio.create_task(Queries(60.0).run(sql, files, DAYS))
        async with asyncio.timeout(PATIENCE_S):
            while not children():  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.05)
        running_query.cancel()
        await asyncio.gather(running_query, return_exceptions=True)

    asyncio.run(leave())

    assert [] == children()


def test_the_process_has_none_of_our_settings_and_no_credentials(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its environment is what Python needs to start."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("FRAUDSTREAM_DATABASE", "postgresql://secret")

    assert not {"AWS_SECRET_ACCESS_KEY", "FRAUDSTREAM_DATABASE"} & {*KEPT}
    assert 1 == len(asyncio.run(Queries(60.0).run("SELECT 1", files, DAYS)).rows)


def test_the_process_writes_no_file(tmp_path: Path) -> None:
    """Its limit of a file's size is zero."""
    code = (
        "import os, sys; from fraudstream.console.query.child import main; main(); sys.stdout.flush(); "
        "os.write(os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY), b'x')"
    )
    write(tmp_path / "archive", [{}])
    paths = [str(path) for path in (tmp_path / "archive").rglob("*.parquet")]
    request = {
        "sql": "SELECT 1",
        "decisions": paths,
        "labels": [],
        "since_ms": 0,
        "until_ms": 1,
        "zone": "UTC",
        "rows_max": 1,
        "bytes_max": 100,
    }
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "written")],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
    )

    assert [[1]] == json.load(io.StringIO(done.stdout))["rows"]
    assert "File too large" in done.stderr
    assert b"" == (tmp_path / "written").read_bytes()


def children() -> list[str]:
    """Return the processes of ours that run a query."""
    own = f"PPid:\t{os.getpid()}\n"
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text, line = status.read_text(), (status.parent / "cmdline").read_bytes().decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if own in text and running.CHILD in line:
            found.append(line)
    return found
