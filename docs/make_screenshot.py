"""Take a picture of a page: `python docs/make_screenshot.py URL OUT.png [--dark] [--width 1280] [--height 860]`.

Needs Debian's chromium; the README's picture is made with it from a running demo.
"""

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
@click.option("--wait-ms", default=2500, show_default=True, help="How long the page may fill itself.")
def make_screenshot(url: str, out: str, dark: bool, width: int, height: int, wait_ms: int) -> None:
    """Save a picture of the page at URL to OUT, two pixels per CSS pixel."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        page = browser.new_page(
            viewport={"width": width, "height": height},
            device_scale_factor=2,
            color_scheme="dark" if dark else "light",
        )
        page.goto(url)
        page.wait_for_timeout(wait_ms)
        page.screenshot(path=out)
        browser.close()


if __name__ == "__main__":
    make_screenshot()
