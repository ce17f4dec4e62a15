"""Reads the court's page as a signed-in person sees it: a real session, the real HTML, the figures parsed out of it."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

import requests

TIMEOUT_S = 10.0
COUNTS = ("data-answers-today", "data-answers-30d")
SEPARATORS = re.compile("(?<=\\d)[\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE},](?=\\d{3})")
"""Between the thousands of a number, in the languages of the pages."""


class PageFault(Exception):
    """A page that could not be had, or has no figure where one belongs."""


@dataclass(frozen=True)
class CourtFigures:
    """What the page says: answers of the court's local today, and of its last thirty days."""

    today: int
    month: int


class _Figures(HTMLParser):
    """Both counts, each twice: as its attribute has it for machines, and as the text that people see."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, int] = {}
        self.seen: dict[str, str] = {}
        self._within: str | None = None

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = None
        for name, value in attrs:
            if name in COUNTS and value is not None and value.isdigit():
                self.found[name] = int(value)
                self.seen[name] = ""
                self._within = name

    def handle_endtag(self, _tag: str) -> None:
        self._within = None

    def handle_data(self, data: str) -> None:
        if self._within is not None:
            self.seen[self._within] += data


class _Token(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.token: str | None = None

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if named.get("name") == "csrfmiddlewaretoken":
            self.token = named.get("value")


class Reader:
    """A signed-in person's browser, as far as cookies and forms go."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.session = requests.Session()
        self.session.trust_env = False  # loopback: no proxy of the machine's has a say in this

    def sign_in(self, username: str, password: str) -> None:
        """Fills in the sign-in form. Raises PageFault when it is refused."""
        address = f"{self.origin}/sign-in/"
        form = _Token()
        form.feed(self._get(address))
        answer = self.session.post(
            address,
            data={"username": username, "password": password, "csrfmiddlewaretoken": form.token or ""},
            headers={"Referer": address},
            timeout=TIMEOUT_S,
            allow_redirects=False,
        )
        if answer.status_code != 302:
            raise PageFault(f"signing in as {username} was refused (status {answer.status_code})")

    def court(self, slug: str) -> CourtFigures:
        """The figures on the page of one court. Raises PageFault."""
        return figures(self._get(f"{self.origin}/courts/{slug}/"))

    def _get(self, address: str) -> str:
        try:
            answer = self.session.get(address, timeout=TIMEOUT_S, allow_redirects=False)
        except requests.RequestException as error:
            raise PageFault(f"{address}: {error}") from None
        if answer.status_code != 200:
            raise PageFault(f"{address}: status {answer.status_code}")
        return answer.text


def figures(html: str) -> CourtFigures:
    """The counts in a court page's HTML. Raises PageFault when the page does not show them, or shows people another number."""
    parser = _Figures()
    parser.feed(html)
    for name in COUNTS:
        if name not in parser.found:
            raise PageFault(f"the page shows no {name}")
        if SEPARATORS.sub("", parser.seen[name].strip()) != str(parser.found[name]):
            raise PageFault(f"{name} is {parser.found[name]}, but the page reads {parser.seen[name].strip()!r}")
    return CourtFigures(today=parser.found[COUNTS[0]], month=parser.found[COUNTS[1]])
