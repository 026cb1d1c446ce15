"""Take a picture of a page: `python docs/make_screenshot.py URL OUT.png [--dark] [--width 1280] [--height 860]`.

Needs Debian's chromium; the pictures in README and docs are made with it from a running demo, those of the console with the name
and password that the demo prints.
"""

from urllib.parse import urljoin

import click
from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
)


@click.command()
@click.argument("url")
@click.argument("out", type=click.Path(dir_okay=False, writable=True))
@click.option("--dark", is_flag=True, help="As somebody sees it who prefers dark colours.")
@click.option("--width", default=1280, show_default=True, help="Width of the window in CSS pixels.")
@click.option("--height", default=860, show_default=True, help="Height of the window in CSS pixels.")
@click.option("--name", help="Log in to the console first, as this user.")
@click.option("--password", default="", help="Their password.")
@click.option("--follow", help="Click on the first link of the page's content that begins so, e.g. /cases/.")
@click.option("--wait-ms", default=2500, show_default=True, help="How long the page may fill itself.")
def make_screenshot(
    url: str,
    out: str,
    dark: bool,
    width: int,
    height: int,
    name: str | None,
    password: str,
    follow: str | None,
    wait_ms: int,
) -> None:
    """Save a picture of the page at URL to OUT, two pixels per CSS pixel."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        page = browser.new_page(
            viewport={"width": width, "height": height},
            device_scale_factor=2,
            color_scheme="dark" if dark else "light",
        )
        if name is not None:
            page.goto(urljoin(url, "/login"))
            page.fill("input[name=name]", name)
            page.fill("input[name=password]", password)
            page.press("input[name=password]", "Enter")
            page.wait_for_url(lambda shown: "/login" not in shown)
        page.goto(url)
        if follow is not None:
            page.click(f'main table a[href^="{follow}"]')
        page.wait_for_timeout(wait_ms)
        page.screenshot(path=out)
        browser.close()


if __name__ == "__main__":
    make_screenshot()
