"""Debian's Chromium, driven by Playwright, with a new and empty profile each time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, sync_playwright

from tests.support.tools import find_tool

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",  # a minimal root has no tmpfs on /dev/shm
]


@contextmanager
def chromium(profile: Path, *, width: int = 1280, height: int = 800, locale: str = "uk-UA") -> Iterator[BrowserContext]:
    """A browser context with that window size and language. Pages reach loopback only by being asked to."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(profile),
            executable_path=find_tool("chromium", "chromium"),
            args=FLAGS,
            headless=True,
            viewport={"width": width, "height": height},
            locale=locale,
            ignore_https_errors=True,
        )
        try:
            yield context
        finally:
            context.close()
