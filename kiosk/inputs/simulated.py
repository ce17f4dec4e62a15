"""A panel without hardware: lines of text over a Unix socket.

In: `press 4` and `release 4` for face buttons, `press key:next` for tactile keys, `pass door:main` for somebody who walks past a
sensor (`press` and `release` move that, too). Out, to everybody connected: `lamp ready`, `lamp thanked` and the other moods of the
lights, `buzz saved` and the other signs for the ear; whoever connects hears the present light first. A line that makes no sense is
answered with `error: …`.
"""

import contextlib
import os
import selectors
import socket
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

import structlog

from kiosk.core.lighting import Look, Mood
from kiosk.core.ports import Clock, Edge
from kiosk.core.sounding import Sound

log = structlog.get_logger("panel")

ACTS: Final = {"press": (True,), "release": (False,), "pass": (True, False)}
"""What a contact does, by the word for it."""
LONGEST_LINE: Final = 200
"""Bytes without a line end after which whoever sends them is no panel."""
BACKLOG: Final = 1 << 20
"""Bytes that one listener may be behind before it is let go: the kiosk never waits for it."""


class _Peer:
    """One connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.heard = b""
        self.unsaid = b""


class SimulatedPanel:
    """As `kiosk.core.ports.Contacts`, `Lamps` and `Sounds`, on one socket. `wired` are the contacts there are."""

    def __init__(self, path: Path, wired: Collection[str], *, clock: Clock) -> None:
        """Raises `OSError` if the socket cannot be made."""
        self._path = path
        self._listener = _listener(path)
        self._wired = frozenset(wired)
        self._clock = clock
        self._look = Look(Mood.READY)
        self._peers: dict[int, _Peer] = {}
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._waker, self._waken = socket.socketpair()
        self._stopping = False
        self._heard: Callable[[Edge], None] = lambda edge: None
        self._thread = threading.Thread(target=self._run, name="panel", daemon=True)

    def start(self, heard: Callable[[Edge], None]) -> frozenset[str]:
        """Listens. Nothing is down until somebody says so."""
        self._heard = heard
        for part in (self._listener, self._waken):
            part.setblocking(False)
            self._selector.register(part, selectors.EVENT_READ)
        self._thread.start()
        return frozenset()

    def light(self, look: Look) -> None:
        """Tells everybody."""
        with self._lock:
            self._look = look
            self._queue(_line(look))
        self._wake()

    def play(self, sound: Sound) -> None:
        """Tells everybody."""
        with self._lock:
            self._queue(f"buzz {sound.value}\n".encode())
        self._wake()

    def stop(self) -> None:
        """Closes the socket and removes it. May be called twice: it is several parts of a device."""
        if self._stopping:
            return
        self._stopping = True
        self._wake()
        if self._thread.ident is not None:
            self._thread.join()
        for peer in self._peers.values():
            peer.connection.close()
        for part in (self._listener, self._waker, self._waken):
            part.close()
        self._selector.close()
        self._path.unlink(missing_ok=True)

    def _queue(self, line: bytes) -> None:
        for peer in self._peers.values():
            peer.unsaid += line

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._waker.send(b".")

    def _run(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._waken:
                    with contextlib.suppress(BlockingIOError):
                        self._waken.recv(4096)
                else:
                    self._read(self._peers[key.fd])
            for peer in list(self._peers.values()):
                self._say(peer)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setblocking(False)
        peer = _Peer(connection)
        with self._lock:
            self._peers[connection.fileno()] = peer
            peer.unsaid = _line(self._look)
        self._selector.register(connection, selectors.EVENT_READ)

    def _read(self, peer: _Peer) -> None:
        try:
            got = peer.connection.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            got = b""
        if not got:
            self._part(peer)
            return
        *lines, peer.heard = (peer.heard + got).split(b"\n")
        for line in lines:
            self._obey(peer, line.decode("utf-8", "replace").strip())
        if len(peer.heard) > LONGEST_LINE:
            self._part(peer)

    def _obey(self, peer: _Peer, line: str) -> None:
        act, _, name = line.partition(" ")
        contact = name if ":" in name else f"face:{name}"
        if act in ACTS and contact in self._wired:
            for down in ACTS[act]:
                self._heard(Edge(contact, down, self._clock.stamp()))
        elif line:
            with self._lock:
                peer.unsaid += f"error: say `press`, `release` or `pass` and one of {', '.join(sorted(self._wired))}\n".encode()

    def _say(self, peer: _Peer) -> None:
        with self._lock:
            try:
                sent = peer.connection.send(peer.unsaid) if peer.unsaid else 0
                peer.unsaid = peer.unsaid[sent:]
                gone = len(peer.unsaid) > BACKLOG
            except BlockingIOError:
                gone = len(peer.unsaid) > BACKLOG
            except OSError:
                gone = True
        if gone:
            self._part(peer)

    def _part(self, peer: _Peer) -> None:
        number = peer.connection.fileno()
        if number < 0:
            return
        with self._lock:
            self._peers.pop(number, None)
        self._selector.unregister(peer.connection)
        peer.connection.close()


def _line(look: Look) -> bytes:
    return f"lamp {look.mood.value}\n".encode()


def _listener(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(_address(path))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _address(path: Path) -> str:
    """A Unix socket's name may have 107 bytes; a longer path is named from the working directory where that helps."""
    name = str(path)
    return name if len(os.fsencode(name)) < 108 else os.path.relpath(path)
