"""Files are whole or absent."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fraudstream.adapters.files import write_atomically


def test_threads_that_write_the_same_file_at_once_leave_it_whole(tmp_path: Path) -> None:
    """As two pages of the console that copy the same file of a bucket."""
    path, contents = tmp_path / "file", [bytes([number]) * 100_000 for number in range(8)]

    with ThreadPoolExecutor(8) as threads:
        for _ in range(20):
            list(threads.map(lambda content: write_atomically(path, content), contents))

    assert path.read_bytes() in contents
    assert [path] == [*tmp_path.iterdir()]
