"""The benches' own parts: packets, meter, rows, pictures to recognise."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sync_server.surveys.files import load_all
from tests.support.waiting import until
from wire import chain, codec
from wire.envelopes import Batch
from wire.events import StreamId, at
from workbench.bench import packets
from workbench.bench.crowd import Ledger, rows
from workbench.bench.installed import foreign_modules, hide_foreign
from workbench.bench.meter import Meter
from workbench.bench.stands import Trace
from workbench.bench.usage import family, others_running, processor_s, usage

HOST = "127.0.0.1"
(QUESTIONNAIRE,) = [sheet.questionnaire(1) for sheet in load_all() if sheet.key == "exit"]


def test_rows_are_the_same_each_time_and_in_order() -> None:
    first, again = (rows(QUESTIONNAIRE, door=1, count=600) for _ in range(2))
    assert first == again
    assert len(first) == 600
    assert [at(row) for row in first] == sorted(at(row) for row in first)
    assert rows(QUESTIONNAIRE, door=2, count=600) != first


def test_more_rows_than_twelve_weeks_have_are_refused() -> None:
    with pytest.raises(ValueError, match="were asked for"):
        rows(QUESTIONNAIRE, door=1, count=10_000_000)


def test_batches_are_what_a_server_can_verify() -> None:
    key, stream = Ed25519PrivateKey.generate(), StreamId(b"s" * 16)
    ledger = Ledger(stream, key, rows(QUESTIONNAIRE, door=1, count=30))
    batch = codec.decode_upward(*ledger.batch(11, 20))
    assert isinstance(batch, Batch)
    head = chain.links(batch.previous, batch.rows)[-1]  # type: ignore[arg-type]
    key.public_key().verify(batch.signature, chain.batch_statement(stream, 11, 20, head))
    assert [codec.decode_event(row) for row in batch.rows] == ledger.events[10:30]
    with pytest.raises(ValueError, match="were asked for"):
        ledger.batch(25, 10)


def test_a_packet_is_read_back_however_it_is_cut() -> None:
    whole = packets.publish("vidhuk/1/bench-kiosk-1/up", 7, "vidhuk/1", b"x" * 300) + packets.connect("bench-kiosk-1")
    for cut in range(1, len(whole), 7):
        stream = packets.Stream.__new__(packets.Stream)
        stream._held = bytearray()
        found = []
        for part in (whole[:cut], whole[cut:]):
            stream._held += part
            found += list(stream._whole())
        assert [kind for kind, _ in found] == [packets.PUBLISH, 1]


def test_a_meter_counts_both_ways_what_it_passes_on() -> None:
    with socket.create_server((HOST, 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                while peer.recv(1000):
                    peer.sendall(b"well")

        threading.Thread(target=answer, daemon=True).start()
        meter = Meter(HOST, server.getsockname()[1])
        try:
            with socket.create_connection((HOST, meter.port), timeout=30) as client:
                for _ in range(3):
                    client.sendall(b"0123456789")
                    assert client.recv(100) == b"well"
                assert (meter.up, meter.down) == (30, 12)
        finally:
            meter.close()


def test_a_program_is_counted_with_all_that_it_has_started() -> None:
    # The first splits off a second in a session of its own, which says that it stands and waits to be let go.
    inner = "import sys; print('ready', flush=True); sys.stdin.read()"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}], start_new_session=True)"
    with subprocess.Popen(
        [sys.executable, "-c", outer], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        assert started.stdout.readline() == "ready\n"
        found = family(started.pid)
        assert started.pid in found
        assert len(found) == 2
        alone, both = usage([started.pid]), usage(found)
        assert 0 < alone.pss_mib < both.pss_mib <= both.rss_mib
        assert (alone.threads, both.threads) == (1, 2)
        assert alone.files >= 3
        assert 0 < processor_s([started.pid]) < processor_s(found)
        started.stdin.close()
    assert usage(found) == (0, 0, 0, 0), "what has ended takes nothing"


def test_a_trace_is_read_as_it_grows(tmp_path: Path) -> None:
    file = tmp_path / "trace"
    trace = Trace(file)
    assert trace.read() == {}
    with file.open("w") as opened:
        opened.write('{"scene": "welcome"}\n{"scene": "follow')
        opened.flush()
        assert trace.read() == {"scene": "welcome"}
        opened.write('-up"}\n')
        opened.flush()
        assert trace.read() == {"scene": "follow-up"}
        assert trace.pictures == 2
        trace.forget()
        assert trace.read() == {}, "what an earlier process has shown is no answer to a later touch"


def test_the_measured_kiosk_sees_only_what_its_lock_names(tmp_path: Path) -> None:
    path = hide_foreign(tmp_path / "installed")
    env = {**os.environ, "PYTHONPATH": str(path)}

    def can_import(module: str) -> bool:
        return subprocess.run([sys.executable, "-P", "-c", f"import {module}"], env=env, capture_output=True).returncode == 0

    assert not can_import("numpy")
    assert not can_import("django")
    assert can_import("sqlite_utils")
    assert can_import("structlog")
    assert "kivy" not in foreign_modules()


def test_who_else_runs_the_same_program_is_found_and_the_program_s_own_processes_are_not() -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as ours, subprocess.Popen(["sleep", "60"]) as other:
        try:
            until(lambda: other.pid in others_running(ours.pid), "the other one is found")
            assert ours.pid not in others_running(ours.pid)
            assert os.getpid() not in others_running(ours.pid)
        finally:
            ours.kill()
            other.kill()
        other.wait()
        assert other.pid not in others_running(ours.pid)
