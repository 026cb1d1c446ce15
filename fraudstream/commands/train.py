"""`fraudstream train`: a model version from the history."""

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from fraudstream.commands.fitting_options import fitting_options
from fraudstream.commands.gap_warning import warn_of_gaps
from fraudstream.commands.history_place import history_option, payments_at
from fraudstream.commands.treatment_lines import treatment_lines
from fraudstream.domain.events.treatment_table import treatments_asked
from fraudstream.domain.features.catalogue import FEATURE_SETS

if TYPE_CHECKING:
    from fraudstream.offline.activation import Wish

LOCAL_ROWS = 100_000
"""Payments that are learnt from with --local."""

OF_A_VERSION = ("version", "activation", "files", "content_sha256")
"""Fields of a manifest that say nothing where no version was saved."""


@click.command()
@click.option(
    "--features",
    "feature_set",
    type=click.Choice(list(FEATURE_SETS)),
    help="Feature set; card-sample is the four features of the AWS sample.  [default: the event type's]",
)
@history_option()
@click.option(
    "--activate",
    type=click.Choice(["if-better", "always", "never"]),
    default="if-better",
    show_default=True,
    help="Whether the new version becomes the active one, which workers load at their next start; if-better: under the conditions above.",
)
@click.option(
    "--update",
    type=click.IntRange(min=1),
    metavar="MAJOR",
    help="Major version that this is an update of, so that it becomes its next minor one.  [default: a new major version]",
)
@click.option(
    "--treat",
    "treat",
    multiple=True,
    metavar="VARIABLE=HOW",
    help="What the model learns of a variable, instead of what [treatments] of the event type says: auto, none, or some of category, "
    "frequency, fraud_rate, text, hour, weekday, joined by commas. Repeatable.",
)
@click.option(
    "--local",
    is_flag=True,
    help="Only try: learn from the latest 100,000 payments, list what is learnt of each variable and the figures, and save nothing.",
)
@fitting_options
@click.option("--why", default="trained", show_default=True, help="Reason, for the history of the version.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the manifest as JSON; `activation` says whether it is active, and why.",
)
def train(
    feature_set: str | None,
    history: str | None,
    activate: "Wish",
    update: int | None,
    treat: tuple[str, ...],
    local: bool,
    why: str,
    as_json: bool,
    **fitting: Any,
) -> None:
    """Train an XGBoost model on the point-in-time features of each payment, and test it on later payments.

    The new version is always saved, but for --local. It becomes the active one if its precision is higher than the share of fraud among all payments,
    if it was trained on at least 500 frauds, and if its average precision is at most 0.02 lower than that of the active version on the
    same payments; both figures are printed.

    Without options it is fitted as in the AWS sample: 100 rounds, no class weights, no calibration.

    Exit codes: 0 written, 1 written but not activated because it is not good enough, 2 no history or too little fraud in it,
    75 another training of the same major version has not ended.
    """
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.adapters.extras import check_installed
    from fraudstream.adapters.models.registry import Registry
    from fraudstream.settings import Settings

    if fitting["search"]:
        check_installed("optuna", what="train --search")
    settings = Settings()
    event_type = event_type_named(settings.event_type)
    if not local:
        Registry.of(settings).log().next_version(update)  # raises now rather than after minutes
    common: dict[str, Any] = {
        "features": FEATURE_SETS[feature_set] if feature_set else event_type.features,
        "feature_set": feature_set or event_type.feature_set,
        "event_type": event_type,
        "treatments": treatments_asked({} if feature_set else event_type.treatments, treat, event_type),
        "partitions": settings.partitions,
        "allowed_lateness_ms": settings.lateness_horizon_s * 1000,
        "activate": activate,
        "update": None if local else update,
        "why": why,
    }
    saved = TemporaryDirectory(prefix="fraudstream-train-") if local else nullcontext(settings.models_place)
    with payments_at(history, settings.history_dir) as payments, saved as place:
        places = payments, place
        manifest = _made(places, common, fitting, settings.fraud_threshold, local, as_json)
    if local:
        _tell_local(manifest, as_json)
        return
    _tell(manifest, settings.models_place, as_json)
    sys.exit(1 if activate == "if-better" and not manifest["activation"]["activated"] else 0)


def _made(
    places: tuple[Path, str],
    common: dict[str, Any],
    fitting: dict[str, Any],
    threshold: float | None,
    local: bool,
    as_json: bool,
) -> dict[str, Any]:
    """Make a version; return its manifest. `places`: of the history and the models."""
    from fraudstream.commands.progress import bar
    from fraudstream.offline import train as training
    from fraudstream.offline.train_unlabelled import train_unlabelled
    from fraudstream.offline.training.options import TrainingOptions

    if fitting["anomaly"] == "alone":
        listener = training.TrainingListener(step=_say(as_json))
        return train_unlabelled(*places, **common, seed=fitting["seed"], listener=listener)
    options = TrainingOptions(**fitting)
    with bar("Training", options.rounds) as advance:
        return training.train(
            *places,
            **common,
            threshold=threshold or training.FRAUD_THRESHOLD,
            options=options,
            rows_max=LOCAL_ROWS if local else None,
            listener=training.TrainingListener(step=_say(as_json), round=lambda number: advance(1)),
        )


def _tell_local(manifest: dict[str, Any], as_json: bool) -> None:
    """Print what was tried: the manifest without what only a saved version has, or its figures."""
    if as_json:
        click.echo(json.dumps({name: value for name, value in manifest.items() if name not in OF_A_VERSION}))
        return
    _show(manifest)
    click.echo("nothing was saved; without --local it becomes a version")


def _say(as_json: bool) -> Any:
    """Return a function that prints each step on stderr; with --json it prints nothing."""
    return lambda text: None if as_json else click.echo(f"{text} ...", err=True)


def _tell(manifest: dict[str, Any], place: str, as_json: bool) -> None:
    """Print the manifest, or its figures and where the version is; and whether it is active."""
    if as_json:
        click.echo(json.dumps(manifest))
    else:
        _show(manifest)
        click.echo(f"in {place}")
    click.echo(_outcome(manifest), err=as_json)
    warn_of_gaps(manifest["history"])


def _outcome(manifest: dict[str, Any]) -> str:
    """Say whether the version is active now and why, and if not, how to activate it."""
    activation = manifest["activation"]
    if activation["activated"]:
        return f"activated: {activation['why']}"
    anyway = f"to activate it anyway, run: fraudstream models activate {manifest['version']}"
    return f"not activated: {activation['why']}; {anyway}"


def _show(manifest: dict[str, Any]) -> None:
    """Print a version's figures, one a line."""
    from fraudstream.adapters.models.files import name_of

    click.echo(f"model {name_of(manifest)}: {', '.join(manifest['features'])}")
    for line in treatment_lines(manifest):
        click.echo(line)
    if "metrics" in manifest:
        _show_classifier(manifest)
    if manifest["anomaly"] is not None:
        _show_anomaly(manifest["anomaly"])


def _show_anomaly(described: dict[str, Any]) -> None:
    """Print an anomaly model's figures; without labels it has none."""
    click.echo(f"anomaly model                            {described['trees']} trees")
    for name, label in (("auc", "AUC"), ("average_precision", "average precision")):
        if name in described["metrics"]:
            click.echo(f"  {label:<38} {described['metrics'][name]:.4f}")


def _show_classifier(manifest: dict[str, Any]) -> None:
    """Print a classifier's figures, one a line."""
    metrics, tested = manifest["metrics"], manifest["test"]
    click.echo(
        f"trained on {manifest['train']['rows']:,} payments with {manifest['train']['fraud']:,} frauds after {manifest['warm_up_days']} days of warm-up, "
        f"tested on {tested['rows']:,} later ones with {tested['fraud']:,} frauds"
    )
    if manifest["calibration"] is not None:
        click.echo(f"calibrated                               {manifest['calibration']['method']}")
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
