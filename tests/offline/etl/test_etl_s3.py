"""Raw files in S3, on moto's server: read like local ones, and called by their place there."""

import gzip
from pathlib import Path

import boto3

from tests.offline.etl.making import etl, made, raw_file, refused, rejected, row, rows, train_and_test
from tests.s3_server import bucket, s3

__all__ = ["bucket", "s3"]


def put(bucket: str, **objects: bytes) -> None:
    """Put objects in a bucket."""
    for key, content in objects.items():
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=content)


def test_objects_prefixes_and_patterns_are_read_like_local_files(bucket: str, tmp_path: Path) -> None:
    """An object once, what is no raw file not at all; the list and the facts name places in S3."""
    one = raw_file(tmp_path / "one.csv", *rows(10), row(10, amt="?")).read_bytes()
    two = gzip.compress(raw_file(tmp_path / "two.csv", *rows(10, first=20)).read_bytes())
    put(
        bucket,
        **{"in/one.csv": one, "in/more/two.csv.gz": two, "in/notes.txt": b"x", "input/three.csv": b"x"},
    )
    for number, given in enumerate((f"s3://{bucket}/in", f"s3://{bucket}/in/*.csv*")):
        out = tmp_path / f"out{number}"
        said = made(out, given, f"s3://{bucket}/in/one.csv", "--rejected-max", 1)

        assert [f"s3://{bucket}/in/more/two.csv.gz", f"s3://{bucket}/in/one.csv"] == list(said["read"])
        assert 20 == train_and_test(out).height
        assert [(f"s3://{bucket}/in/one.csv", "12")] == [(bad["file"], bad["line"]) for bad in rejected(out)]


def test_what_is_wrong_with_an_object_is_said_with_its_place(bucket: str, tmp_path: Path) -> None:
    """No path of a copy is shown."""
    put(
        bucket,
        **{"raw.csv": raw_file(tmp_path / "raw.csv", *rows(3), header="a,b").read_bytes(), "no.csv": b""},
    )

    assert f"s3://{bucket}/raw.csv has no column" in refused(
        f"s3://{bucket}/raw.csv", "--out", tmp_path / "out"
    )
    assert f"s3://{bucket}/no.csv is empty" in refused(f"s3://{bucket}/no.csv", "--out", tmp_path / "out")
    assert f"s3://{bucket}/raw names no object that ends with .csv" in refused(
        f"s3://{bucket}/raw", "--out", tmp_path / "out"
    )
    assert "s3://nobody-has-this/" in refused("s3://nobody-has-this/a.csv", "--out", tmp_path / "out")
    assert 0 != etl(f"s3://{bucket}/", "--out", tmp_path / "out").exit_code
