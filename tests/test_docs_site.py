"""The documentation as a site: `make docs`."""

import re
from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the built site; a page that is nowhere in the navigation and a link that leads nowhere are errors."""
    place = tmp_path_factory.mktemp("site")
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(place), strict=True))
    return place


def test_every_document_is_a_page(site: Path):
    """Those at the root, too; the index is the first page."""
    documents = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    documents = documents - {Path("README.md")} | {Path("index.md")}
    pages = {path.relative_to(site).with_suffix(".md") for path in site.rglob("*.html")}

    assert documents <= pages
    assert {
        Path("overview.md"),
        Path("architecture.md"),
        Path("changelog.md"),
        Path("contributing.md"),
    } <= pages


def test_nothing_is_loaded_from_elsewhere(site: Path):
    """No font, script, style or picture of another host; links may lead there."""
    loaded = re.compile(
        r"<(?:script|img|iframe)[^>]*src=\"?https?:|<link[^>]*rel=\"?stylesheet\"?[^>]*href=\"?https?:"
    )

    assert [] == [path.name for path in site.rglob("*.html") if loaded.search(path.read_text())]


def test_links_to_code_are_text(site: Path):
    """The site has no code; a link to it would lead nowhere."""
    overview = (site / "overview.html").read_text()

    assert "agents/scoring.py" in overview
    assert 'href="agents/' not in overview
