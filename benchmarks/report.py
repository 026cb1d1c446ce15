"""The results for people: a table on the terminal, and the same in docs/benchmarks.md."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.contestants import TITLES
from benchmarks.results import PEERS, Results
from benchmarks.workers import figures, kinds

BEGIN, END = "<!-- benchmark:begin -->", "<!-- benchmark:end -->"
BUSY_LOAD = 0.5
"""Load average above which the machine was not ours alone."""

Cells = list[str]


def throughput_rows(results: Results) -> Iterator[Cells]:
    """Yield the rows of the throughput table, headings first."""
    yield [
        *("", "events/s", "lowest - highest", "CPU µs/event", "warm: events/s", "warm: CPU µs/event"),
        *("start and first tenth", "peak MB", "fraudstream is"),
    ]
    for name, races in results.races.items():
        speed, warm, cold = results.events_per_s(name), results.warm(name), results.cold(name)
        yield [
            TITLES[name],
            f"{speed.median:,.0f}",
            f"{speed.lowest:,.0f} - {speed.highest:,.0f}",
            f"{results.cpu_us(name).median:,.1f}",
            f"{warm.events_per_s:,.0f}" if warm else "",
            f"{warm.cpu_us_per_event:,.1f}" if warm else "",
            f"{cold.seconds:,.1f} s, {cold.cpu_s:,.1f} s CPU" if cold else "",
            f"{results.peak_rss_mb(name):,.0f}" if results.peak_rss_mb(name) else "",
            "" if name == "fraudstream" or not races else _times(results, name),
        ]


def _times(results: Results, name: str) -> str:
    return f"{results.ratio(name):,.1f} x" if "fraudstream" in results.races else ""


def latency_rows(results: Results) -> Iterator[Cells]:
    """Yield the rows of the latency table, headings first."""
    yield ["", "payments/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "measured", "worker's CPU"]
    for name, loads in results.latency.items():
        for load in loads:
            yield [
                TITLES[name],
                f"{load.rate:,}",
                *(f"{value:,.1f}" for value in (load.p50, load.p99, load.p999, load.max)),
                f"{load.measured:,}",
                f"{load.cpu_share:.0%}",
            ]


def idle_rows(results: Results) -> Iterator[Cells]:
    """Yield the rows of the table without traffic, headings first."""
    yield ["", "CPU without traffic"]
    for name, share in results.idle.items():
        yield [TITLES[name], f"{share:.1%}"]


def worker_rows(results: Results) -> Iterator[Cells]:
    """Yield the rows of the table of several workers, headings first."""
    yield [
        *("", "events/s", "workers' CPU µs/event", "events per CPU s", "broker's CPU µs/event"),
        *("longest silence", "of a partition", "decided twice"),
    ]
    titles = {kind.name: kind.title for kind in kinds(results.plan.workers)}
    for name, team in figures(results.teams).items():
        yield [
            titles[name],
            f"{team['events_per_s']:,.0f}",
            f"{team['worker_cpu_us_per_event']:,.1f}",
            f"{team['events_per_cpu_s']:,}",
            f"{team['broker_cpu_us_per_event']:,.1f}",
            f"{team['silence_s']:,.2f} s",
            f"{team['partition_silence_s']:,.2f} s",
            f"{team['repeated']:,.0f}",
        ]


def show(results: Results, console: Console) -> None:
    """Print everything."""
    tables = {
        "Throughput on a backlog": throughput_rows(results),
        "Produce to decision, open loop": latency_rows(results),
        "No traffic": idle_rows(results),
        "Several workers": worker_rows(results),
    }
    for title, rows in tables.items():
        heading, *body = rows
        if not body:
            continue
        table = Table(title=title, title_justify="left")
        for place, text in enumerate(heading):
            table.add_column(text, justify="right" if place else "left")
        for row in body:
            table.add_row(*row)
        console.print(table)
    console.print(checks(results))
    console.print(" · ".join(f"{name} {value}" for name, value in results.machine.items()), style="dim")


def checks(results: Results) -> str:
    """Say what was checked and how it came out."""
    problems = results.problems()
    if problems:
        return "WRONG: " + "; ".join(problems)
    said = "Every payment was decided."
    if float(results.machine.get("load before", 0)) > BUSY_LOAD:
        said = "The machine was busy with other work before the run: the figures are too low. " + said
    for peer in PEERS:
        if results.compared(peer) and "fraudstream" in results.races:
            said += (
                f" fraudstream and {_short(peer)} counted the same ten minutes and came to the same outcome for all"
                f" {results.compared(peer):,} payments both decided."
            )
    return said + "".join(f" {_short(name)} is left out: {why}." for name, why in results.left_out.items())


def _short(name: str) -> str:
    return TITLES[name].partition(",")[0]


def markdown(results: Results) -> str:
    """Return the tables as Markdown."""
    parts = []
    for rows in (throughput_rows(results), latency_rows(results), idle_rows(results), worker_rows(results)):
        heading, *body = rows
        if not body:
            continue
        rule = ["---"] + ["---:"] * (len(heading) - 1)
        parts.append("\n".join("| " + " | ".join(row) + " |" for row in (heading, rule, *body)))
    about = "\n".join(f"- {name}: {value}" for name, value in results.machine.items())
    return "\n\n".join([*parts, checks(results), about])


def write_docs(results: Results, path: Path) -> None:
    """Replace what stands between the markers of a document."""
    text = path.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no section between {BEGIN} and {END}")
    path.write_text(f"{before}{begin}\n\n{markdown(results)}\n\n{end}{after}")
