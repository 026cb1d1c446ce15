"""`fraudstream train`: a model version from the history."""

import json
from pathlib import Path
from typing import Any

import click

from fraudstream.domain.features import FEATURE_SETS


@click.command()
@click.option(
    "--features",
    "feature_set",
    type=click.Choice(list(FEATURE_SETS)),
    help="Feature set; card-sample are the AWS sample's four.  [default: the event type's]",
)
@click.option(
    "--history",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Payments to read: a history or an archive.  [default: <data_dir>/history]",
)
@click.option("--without-activating", is_flag=True, help="Write the version, but leave `current` as it is.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def train(feature_set: str | None, history: Path | None, without_activating: bool, as_json: bool) -> None:
    """Train XGBoost on what a worker would have known at each payment, and test it on later payments.

    Exit codes: 0 written, 2 no history or too little fraud in it.
    """
    from fraudstream.commands.progress import bar
    from fraudstream.domain.event_type import event_type_named
    from fraudstream.offline import train as training
    from fraudstream.settings import Settings

    settings = Settings()
    with bar("Training", training.ROUNDS) as advance:
        manifest = training.train(
            history or settings.history_dir,
            settings.models_dir,
            feature_set=feature_set or event_type_named(settings.event_type).features,
            event_type=settings.event_type,
            threshold=settings.fraud_threshold or training.FRAUD_THRESHOLD,
            partitions=settings.partitions,
            horizon_ms=settings.lateness_horizon_s * 1000,
            activate=not without_activating,
            progress=training.Progress(step=_say(as_json), round=lambda number: advance(1)),
        )
    if as_json:
        click.echo(json.dumps(manifest))
    else:
        _show(manifest)
        click.echo(
            f"in {settings.models_dir / manifest['version']}"
            + ("" if without_activating else ", now current")
        )


def _say(as_json: bool) -> Any:
    """Return what tells of each step: stderr, so that --json has stdout for itself."""
    return lambda text: None if as_json else click.echo(f"{text} ...", err=True)


def _show(manifest: dict[str, Any]) -> None:
    """Print a version's figures, one a line."""
    metrics, tested = manifest["metrics"], manifest["test"]
    click.echo(f"model {manifest['version']}: {', '.join(manifest['features'])}")
    click.echo(
        f"trained on {manifest['train']['rows']:,} payments after {manifest['warm_up_days']} days of warm-up, "
        f"tested on {tested['rows']:,} later ones with {tested['fraud']:,} frauds"
    )
    click.echo(f"AUC                                      {metrics['auc']:.4f}")
    click.echo(f"average precision                        {metrics['average_precision']:.4f}")
    click.echo(
        f"recall at 1 alert per 1,000 payments     {metrics['recall_at_1_per_1000']:.3f} "
        f"(at best {metrics['recall_at_1_per_1000_at_best']:.3f}, with {metrics['fraud_per_1000']:.2f} frauds per 1,000)"
    )
    click.echo(
        f"at FRAUD_THRESHOLD {manifest['threshold']:<4}                  {metrics['alerts_per_1000']:.2f} alerts "
        f"per 1,000, precision {metrics['precision']:.3f}, recall {metrics['recall']:.3f}"
    )
    for kind, recall in manifest["recall_by_scenario"].items():
        click.echo(f"  recall of {kind:<30} {recall:.3f}")
