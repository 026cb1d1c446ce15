"""`python -m benchmarks`: the whole comparison in one run on one embedded broker."""

import json
import shlex
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

import click
from rich.console import Console

from benchmarks import report
from benchmarks.children import BenchmarkFailed
from benchmarks.plan import DEFAULT, QUICK
from benchmarks.prepared import FRAUDSTREAM
from benchmarks.session import CONTESTANTS, PARTS, Session
from fraudstream.domain.errors import FraudstreamError

WORKER = ("worker", "--log-level", "warning")

DOCS = Path(__file__).parent.parent / "docs" / "benchmarks.md"


@click.command(help=__doc__)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the very last line.")
@click.option("--quick", is_flag=True, help="A minute or two: proves that it runs, its figures mean little.")
@click.option("--write-docs", is_flag=True, help="Put the tables into docs/benchmarks.md.")
@click.option(
    "--only", "who", multiple=True, type=click.Choice(CONTESTANTS), help="Only this contestant; repeatable."
)
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="Only this part; repeatable.")
@click.option(
    "--repetitions", type=click.IntRange(1), help="How often each contestant works off its backlog."
)
@click.option(
    "--worker",
    metavar="COMMAND",
    help="Starts our worker, to compare two versions of it.  [default: fraudstream worker]",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".fraudstream/benchmarks"),
    show_default=True,
    help="Keeps the world and the model between runs.",
)
def main(
    as_json: bool,
    quick: bool,
    write_docs: bool,
    who: tuple[str, ...],
    parts: tuple[str, ...],
    repetitions: int | None,
    worker: str | None,
    data_dir: Path,
) -> None:
    """Run, report, and exit with 1 if a payment was not decided or decided differently."""
    signal.signal(signal.SIGTERM, _stop)
    plan = QUICK if quick else DEFAULT
    progress = Console(stderr=True)
    try:
        session = Session(
            plan=plan.repeated(repetitions) if repetitions else plan,
            data_dir=data_dir / ("quick" if quick else "default"),
            scratch=(scratch := Path(tempfile.mkdtemp(prefix="fraudstream-benchmark-"))),
            console=progress,
            worker_command=tuple(shlex.split(worker)) if worker else (*FRAUDSTREAM, *WORKER),
            programs_dir=data_dir,
            who=who or CONTESTANTS,
            parts=parts or PARTS,
        )
        results = session.run()
        shutil.rmtree(scratch)  # after an error it stays, with the logs
    except (BenchmarkFailed, FraudstreamError) as error:
        raise click.ClickException(str(error)) from error
    report.show(results, Console(width=None if sys.stdout.isatty() else 140))
    if write_docs:
        report.write_docs(results, DOCS)
    if as_json:
        click.echo(json.dumps(results.to_json()))
    sys.exit(1 if results.problems() else 0)


def _stop(_number: int, _frame: FrameType | None) -> None:
    """End as after Ctrl-C, so that broker and contestants are stopped."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
