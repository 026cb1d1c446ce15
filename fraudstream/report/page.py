"""Writes reports as one HTML file without anything beside it: it can be mailed, archived and opened from a disk."""

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import jinja2

OURS, WEB = files("fraudstream.report"), files("fraudstream") / "web/static"

STYLES = (WEB / "style.css", WEB / "vendor/uplot/uPlot.min.css", OURS / "page.css")
SCRIPTS = (WEB / "vendor/uplot/uPlot.iife.min.js", OURS / "charts.js", OURS / "page.js")


def page_of(reports: Sequence[dict[str, Any]]) -> str:
    """Return the page of the first report, with the others beside it."""
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        (OURS / "page.html").read_text()
    )
    return template.render(
        report=reports[0],
        others=reports[1:],
        styles=[each.read_text() for each in STYLES],
        scripts=[each.read_text() for each in SCRIPTS],
        data=as_script(reports),
    )


def as_script(data: Any) -> str:
    r"""Return JSON that cannot end the script element it stands in.

    >>> as_script(["</script>"])
    '["\\u003c/script>"]'
    """
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
