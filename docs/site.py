"""What MkDocs does beside its own work: documents at the root become pages, links to code become text."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
AT_THE_ROOT = {
    "README.md": "overview.md",
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
"""Document at the root -> its page."""

DECISIONS = "decisions/index.md"
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?://|#)([^)#\s]+)(#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents at the root, and a list of the decision records."""
    for document, page in AT_THE_ROOT.items():
        files.append(File.generated(config, page, content=(ROOT / document).read_text()))
    files.append(File.generated(config, DECISIONS, content=decisions()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to pages, by their titles where a file's name is written; of links to code only the text stays."""
    written = {name: document for document, name in AT_THE_ROOT.items()}
    source = ROOT / written.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def led(link: re.Match[str]) -> str:
        is_image, text, target, anchor = link.groups()
        found = page_of((source.parent / target).resolve())
        file = files.get_file_from_path(found) if found else None
        if file is None or not file.inclusion.is_included():
            return text
        if text.strip("`") == target:
            text = title(ROOT / written.get(found, f"docs/{found}"))
        climb = "../" * page.file.src_uri.count("/")
        return f"{is_image}[{text}]({climb}{found}{anchor or ''})"

    return LINK.sub(led, markdown)


def page_of(target: Path) -> str | None:
    """Return the page that a file of the repository becomes; None if it becomes none."""
    if target == ROOT / "docs/decisions":
        return DECISIONS
    if target.parent == ROOT:
        return AT_THE_ROOT.get(target.name)
    if target.is_relative_to(ROOT / "docs"):
        return target.relative_to(ROOT / "docs").as_posix()
    return None


def title(document: Path) -> str:
    """Return a document's first heading."""
    return document.read_text().split("\n", 1)[0].removeprefix("# ")


def decisions() -> str:
    """Return a page that names every decision record by its title."""
    records = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
    listed = "\n".join(f"- [{title(record)}]({record.name})" for record in records)
    return f"# Decisions\n\nWhy things are as they are, a page each.\n\n{listed}\n"
