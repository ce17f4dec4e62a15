"""Pages as a test reads them, and the password that opens them."""

import json
import re
from html.parser import HTMLParser
from typing import Any

from django.test import Client

PASSWORD = "vidhuk-z-vykhodu-17"


class Read(HTMLParser):
    """A page as text, with its attributes and its charts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.attributes: dict[str, str] = {}
        self.scripts: dict[str, Any] = {}
        self.texts: list[str] = []
        self._script: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.attributes |= {name: value for name, value in named.items() if name.startswith("data-answers")}
        self._script = named.get("id", "") if tag == "script" else None

    def handle_endtag(self, tag: str) -> None:
        self._script = None

    def handle_data(self, data: str) -> None:
        if self._script:
            self.scripts[self._script] = json.loads(data)
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).replace("\u2060", "").split())


def read(client: Client, address: str) -> Read:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content[:300]
    return Read(answer.content.decode())


def seen(html: str) -> str:
    found = re.search(r'data-seen="([^"]+)"', html)
    assert found
    return found[1]
