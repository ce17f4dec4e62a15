"""The real parts that other tests stand on do start, answer and go away again."""

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import psycopg
import pytest
from playwright.sync_api import BrowserContext

from tests.support.display import Display
from tests.support.mosquitto import Mosquitto
from tests.support.postgresql import PostgreSQL
from tests.support.tools import ToolMissing, find_tool
from tests.support.waiting import accepts_connections, until
from workbench.installation import ROOT
from workbench.ports import free_port

DRAWS = """
import json, random, sys
from workbench import ports
random.seed(7)
print(json.dumps([ports.free_port() for _ in range(50)]), flush=True)
sys.stdin.read()
"""
"""Draws fifty ports, the same in every program that nobody keeps from it, and lives until its input ends."""


def test_a_message_published_to_the_broker_reaches_a_subscriber(mosquitto: Mosquitto) -> None:
    heard: list[bytes] = []
    subscribed = threading.Event()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_connect = lambda c, *_: c.subscribe("a/b", qos=1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _c, _u, message: heard.append(message.payload)
    client.connect(mosquitto.host, mosquitto.port)
    client.loop_start()
    try:
        assert subscribed.wait(30)
        client.publish("a/b", b"tap", qos=1)
        until(lambda: heard == [b"tap"], "the message comes back")
    finally:
        client.disconnect()
        client.loop_stop()


def test_a_stopped_broker_listens_no_more_and_comes_back_on_the_same_port(mosquitto: Mosquitto) -> None:
    mosquitto.kill()
    assert not accepts_connections(mosquitto.port)
    mosquitto.start()
    assert accepts_connections(mosquitto.port)


def test_postgresql_answers_and_survives_a_rolled_back_transaction(postgresql: PostgreSQL) -> None:
    with psycopg.connect(postgresql.url) as connection:
        (version,) = connection.execute("SHOW server_version_num").fetchone() or ("0",)
        assert int(version) >= 140000
        connection.execute("CREATE TABLE t (n int)")
        connection.rollback()
        assert connection.execute("SELECT to_regclass('t')").fetchone() == (None,)


def test_the_display_has_the_size_it_was_asked_for(display: Display) -> None:

    said = subprocess.run(
        [find_tool("xdotool", "xdotool"), "getdisplaygeometry"],
        env={**display.env, "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
    )
    assert said.stdout.split() == ["1280", "800"]
    assert display.framebuffer.stat().st_size > 1280 * 800 * 4


def test_chromium_renders_a_page(browser: BrowserContext) -> None:
    page = browser.new_page()
    page.set_content("<title>Відгук</title><p>Дякуємо</p>")
    assert page.title() == "Відгук"
    assert page.inner_text("p") == "Дякуємо"
    assert page.evaluate("navigator.language") == "uk-UA"


def test_a_missing_tool_is_named_with_its_package() -> None:
    with pytest.raises(ToolMissing, match=r"no-such-broker is not installed.*the-package"):
        find_tool("no-such-broker", "the-package")


def test_waiting_gives_up_with_the_name_of_what_never_came() -> None:
    with pytest.raises(AssertionError, match="the moon is full"):
        until(lambda: False, "the moon is full", seconds=0.1)


def test_a_port_nobody_listens_on_accepts_nothing() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        assert not accepts_connections(probe.getsockname()[1])


def test_storage_tests_run_on_the_database_they_name(storage: str, db: Any) -> None:
    from django.db import connection

    assert connection.vendor == storage
    if storage == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode")
            assert cursor.fetchone() == ("wal",)
        assert Path(connection.settings_dict["NAME"]).is_file()


def test_a_listeners_port_is_none_that_an_outgoing_connection_may_take() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    assert all(1024 < port < first for port in ports)


def test_two_programs_that_draw_ports_do_not_draw_the_same() -> None:
    mine = {free_port() for _ in range(50)}
    others = [
        subprocess.Popen([sys.executable, "-c", DRAWS], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    drawn = [json.loads(other.stdout.readline()) for other in others if other.stdout]
    for other in others:
        other.communicate("")
    assert [len(ports) for ports in drawn] == [50, 50]
    assert len(mine.union(*drawn)) == 150
