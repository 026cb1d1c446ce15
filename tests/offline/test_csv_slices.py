"""A slice of a CSV file that is read alone is what it is when the whole file is read."""

import gzip
from pathlib import Path

import pytest

from fraudstream.offline.csv_rows import csv_rows, header_of, open_csv
from fraudstream.offline.csv_slices import rows_at, slices_of

CONTENT = (
    "id,what\r\n\r\n"
    + "".join(f"{number},Zürich € {number}\r\n" for number in range(7))
    + '8,"two\nlines ""quoted"""\n\n\n'
    + 'only one\n9,a,b,c\nx,"a"b\n'
    + "".join(f"{number},плата 😀\n" for number in range(2000))
    + "end,without a line end"
)


@pytest.mark.parametrize("size", [1, 3, 700, 5000])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_every_slice_has_its_rows_with_their_lines(
    tmp_path: Path, encoding: str, packed: bool, size: int
) -> None:
    """Also damaged ones, bytes that are no text, cells of several lines and empty lines; whatever state the encoding has."""
    content = CONTENT.encode(encoding)
    if encoding.startswith("utf-8"):
        content = content.replace(b"1999,", b"19\xff9,")
    path = tmp_path / ("raw.csv.gz" if packed else "raw.csv")
    path.write_bytes(gzip.compress(content) if packed else content)
    known = encoding.removesuffix("-sig")
    with open_csv(path, known) as text:
        rows = csv_rows(text, path, known)
        header_of(rows, path)
        every = [row for row in rows if row.cells or row.fault]
    with open_csv(path, known) as text:
        slices = list(slices_of(text, path, known, ",", size, list))

    chosen = slices if size > 1 else slices[::97]
    alone = [rows_at(place, path, known, ",", list) for place, _ in chosen]

    assert 2012 == len(every)
    assert [str(row) for row in every] == [str(row) for _, rows in slices for row in rows]
    assert [str(rows) for _, rows in chosen] == [str(rows) for rows in alone]
