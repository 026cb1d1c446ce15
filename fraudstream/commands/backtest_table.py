"""A backtest's report as lines for people."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from fraudstream.domain.events.event_type import EventType

KNOWN = {"now": "as known now", "then": "as known then"}
HEADER = f"{'':<28} {'payments':>10} {'fraud':>8} {'good':>9} {'precision':>9} {'fraud money':>15}"


def lines_of(report: Mapping[str, Any], event_type: EventType) -> Iterator[str]:
    """Yield the lines."""
    decimals = event_type.money.decimals
    candidate = report["candidate"]
    yield (
        f"candidate: model {candidate['model']}, rules of {candidate['rules']}, threshold {candidate['threshold']:g}; "
        f"compared with {_champion(report['champion'])}"
    )
    yield f"{report['payments']:,} payments, {report['compared']:,} of them compared"
    if report["repeated"]:
        yield f"  {report['repeated']:>12,} more repeat or contradict another one, and do not count"
    if report["in_no_slice"]:
        yield f"  {report['in_no_slice']:>12,} more lie in a folder more than a day after their event time, and are not decided"
    for cause, left_out in report["not_compared"].items():
        yield f"  {left_out['payments']:>12,} not compared ({cause}): they {left_out['why']}"
    if report["weeks_as_decided"]:
        yield f"  {report['weeks_as_decided']:>12,} with the week they were decided with, because it begins before the archive does"
    if not report["compared"]:
        return
    for label, known in KNOWN.items():
        if label == "then" and not report["labels"]["of_a_time"]:
            yield "labels of a history have no time at which they became known: there is no figure as known then"
            continue
        yield ""
        yield f"labels {known}"
        yield HEADER
        for name in ("champion", "candidate"):
            yield _line(f"{name}'s alerts", report[f"{name}_figures"]["alerts"], label, decimals)
        for rule in report["candidate_figures"]["rules"]:
            yield _line(f"  rule {rule['rule']}", rule, label, decimals)
            yield _line("    and no other rule", rule["only_this_rule"], label, decimals)
    yield ""
    for overlap in report["candidate_figures"]["overlap"]:
        yield f"{' and '.join(overlap['rules'])}: {overlap['payments']:,} payments in common"
    yield from (_a_day(name, report[f"{name}_figures"]["alerts_a_day"]) for name in ("champion", "candidate"))
    yield ""
    yield f"{report['changed']:,} of {report['compared']:,} decisions would change"
    for change in report["changes"]:
        now = change["now"]
        yield (
            f"  {change['from']} to {change['to']}: {change['payments']:,} payments, {now['fraud']:,} fraud, {now['good']:,} good, "
            f"{now['unlabelled']:,} unlabelled"
        )
        yield from (f"    {_example(example, decimals)}" for example in change["examples"])


def _champion(champion: str | Mapping[str, Any]) -> str:
    if isinstance(champion, str):
        return "the archived decisions"
    return f"model {champion['model']}, rules of {champion['rules']}, threshold {champion['threshold']:g}"


def _line(name: str, caught: Mapping[str, Any], label: str, decimals: int) -> str:
    figures = caught[label]
    precision = "-" if figures["precision"] is None else f"{figures['precision']:.3f}"
    return (
        f"{name:<28} {caught['payments']:>10,} {figures['fraud']:>8,} {figures['good']:>9,} {precision:>9} "
        f"{figures['fraud_amount']:>15,.{decimals}f}"
    )


def _a_day(name: str, figures: Mapping[str, Any]) -> str:
    over = ""
    if figures["capacity"] is not None:
        over = f"; {figures['capacity']:,} can be reviewed, which is too few on {figures['days_over_capacity']} of {figures['days']} days"
    return f"{name}: {figures['mean']:,.1f} alerts a day, {figures['most']:,} at most{over}"


def _example(example: Mapping[str, Any], decimals: int) -> str:
    when = datetime.fromtimestamp(example["event_time"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    label = {True: "fraud", False: "good", None: "no label"}[example["fraud_now"]]
    why = "; ".join(example["reasons"]) or ", ".join(example["rules"]) or "no rule"
    return (
        f"{when}  {example['transaction_id']}  {example['amount']:,.{decimals}f}  score {example['was_score']} then, "
        f"{example['score']} now  {label}  {why}"
    )
