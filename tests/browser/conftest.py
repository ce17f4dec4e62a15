"""A server with sample courts and a real browser before it."""

import os
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page

from tests.support.waiting import until
from workbench.ports import free_port
from workbench.processes import Child

PASSWORD = "vidhuk-z-vykhodu-17"


@dataclass
class World:
    """The server's address, and visitors on demand."""

    folder: Path
    origin: str
    process: "subprocess.Popen[str]"

    def rate(self, slug: str, *values: int) -> None:
        """Lets visitors answer so at the court; returns when it is in the tallies."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"rate {slug} {' '.join(map(str, values))}\n")
        self.process.stdin.flush()
        self.wait()

    def wait(self) -> None:
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said == "done\n", f"the world ended; see {self.folder / 'world.log'}: {said}"


def web(folder: Path, port: int) -> Child:
    """The pages, served by the real web server."""
    return Child(
        "web",
        [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)),
            "sync_server.project.wsgi:application",
        ],
        log=folder / "web.log",
        env={"VIDHUK_SERVER_CONFIG": str(folder / "server.toml"), "DJANGO_SETTINGS_MODULE": "sync_server.project.settings"},
    )


def answers(origin: str) -> bool:
    try:
        with urllib.request.urlopen(f"{origin}/alive", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Three courts (`zrazkove` full, `malyi` with three answers, `porozhnii` empty) behind a running web server."""
    folder = tmp_path_factory.mktemp("world")
    (folder / "state").mkdir()
    (folder / "state" / "secret_key").write_text(secrets.token_urlsafe(64))
    (folder / "server.toml").write_text('state_dir = "state"\nlive_step = 5\n')
    port = free_port()
    with (folder / "world.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.browser.world"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "VIDHUK_SERVER_CONFIG": str(folder / "server.toml")},
        )
    found = World(folder, f"http://127.0.0.1:{port}", process)
    pages = web(folder, port)
    try:
        found.wait()
        pages.start()
        until(lambda: answers(found.origin), "the web server answers")
        yield found
    finally:
        pages.stop()
        process.communicate(timeout=60)


@dataclass
class Visit:
    """One page of the browser, with everything it complained of."""

    page: Page
    origin: str
    complaints: list[str] = field(default_factory=list)

    def go(self, address: str) -> None:
        """Opens the page and waits until its charts are drawn."""
        self.page.goto(self.origin + address)
        self.drawn()

    def until(self, expression: str, what: str) -> None:
        """Waits until the expression is true. Asked again and again from outside: the page's own policy forbids `eval`."""
        until(lambda: (self.page.wait_for_timeout(20), self.page.evaluate(expression))[1], what)

    def drawn(self) -> None:
        """Waits until every chart is drawn."""
        self.until(
            "document.fonts.status === 'loaded'"
            " && [...document.querySelectorAll('.chart')].every((chart) => chart.dataset.drawn && chart.querySelector('svg'))",
            "every chart is drawn",
        )

    def switch(self, language: str) -> None:
        """Chooses the page's language by its button."""
        self.page.locator(f'.languages button[value="{language}"]').click()
        self.page.wait_for_load_state()
        self.until(f"document.documentElement.lang === '{language}'", f"the page is in {language}")
        self.drawn()

    def count(self, name: str) -> int:
        """One of the two counts, as the page's machine-readable attribute has it."""
        return int(self.page.locator(f"[{name}]").get_attribute(name) or "")

    def size(self, width: int, height: int = 800) -> None:
        self.page.set_viewport_size({"width": width, "height": height})


@pytest.fixture
def visit(world: World, browser: BrowserContext) -> Iterator[Visit]:
    """A page of a browser that nobody has signed in with."""
    browser.clear_cookies()
    page = browser.new_page()
    found = Visit(page, world.origin)

    def told(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            found.complaints.append(f"{message.type}: {message.text}")

    page.on("console", told)
    page.on("pageerror", lambda error: found.complaints.append(f"exception: {error}"))
    page.on("requestfailed", lambda request: found.complaints.append(f"failed: {request.url}"))
    yield found
    page.close()


@pytest.fixture
def olena(visit: Visit) -> Visit:
    """A page of somebody who has signed in and may see every court."""
    visit.go("/sign-in/")
    visit.page.get_by_label("Ім’я").fill("olena")
    visit.page.get_by_label("Пароль").fill(PASSWORD)
    visit.page.get_by_role("button", name="Увійти").click()
    visit.page.wait_for_url(visit.origin + "/")
    return visit
