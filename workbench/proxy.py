"""A wire that can be cut: a TCP proxy whose connections stall, break off or are refused when the test or the benchmark says so."""

import contextlib
import random
import selectors
import socket
import threading
from typing import Final, Self

from workbench.ports import free_port

PIECE: Final = 16 * 1024
LOOK_S: Final = 0.05
"""How often a waiting thread looks whether something has changed."""


class FaultProxy:
    """Carries connections from `port` to `upstream`, both on loopback.

    While it is stalled, connections stay open and nothing passes, as behind a firewall that drops packets: new ones are taken and
    get no answer. While it is refused, nobody listens. With `chance`, each connection breaks off at a random byte, on average
    after `bytes_between_faults`.
    """

    def __init__(self, upstream: int, *, chance: random.Random | None = None, bytes_between_faults: int = 9_000) -> None:
        self.port = free_port()
        self.carried = 0
        self.connections = 0
        self._upstream = upstream
        self._chance = chance
        self._between = bytes_between_faults
        self._passing = threading.Event()
        self._stopping = False
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()

    def start(self) -> Self:
        """Listens and carries."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._passing.set()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Breaks everything off."""
        self._stopping = True
        self._passing.set()
        self.refuse()

    def stall(self) -> None:
        """From now on nothing passes, and nobody is told."""
        self._passing.clear()

    def pass_on(self) -> None:
        """Connections made from now on are carried; those that were stalled are dead."""
        self._break_off()
        self._passing.set()
        if self._listener is None:
            self.start()

    def refuse(self) -> None:
        """Breaks off what there is, and nobody listens."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._break_off()

    def _break_off(self) -> None:
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        self._open.add(near)
        with near:
            try:
                if self._passes(near):
                    with socket.create_connection(("127.0.0.1", self._upstream)) as far:
                        self._open.add(far)
                        self._between_both(near, far)
            except OSError:
                pass
            finally:
                self._open = {each for each in self._open if each.fileno() >= 0 and each is not near}

    def _passes(self, near: socket.socket) -> bool:
        """Waits while it is stalled. False once `near` was broken off meanwhile."""
        while not self._passing.wait(LOOK_S):
            if self._stopping or near.fileno() < 0:
                return False
        return not self._stopping

    def _between_both(self, near: socket.socket, far: socket.socket) -> None:
        left = self._chance.randint(1, 2 * self._between) if self._chance else None
        with selectors.DefaultSelector() as ready:
            ready.register(near, selectors.EVENT_READ, far)
            ready.register(far, selectors.EVENT_READ, near)
            while self._passes(near):
                for key, _ in ready.select(LOOK_S):
                    if not self._passing.is_set():
                        break
                    piece = key.fileobj.recv(PIECE)  # type: ignore[union-attr]
                    if not piece:
                        return
                    if left is not None:
                        piece, left = piece[:left], left - len(piece)
                    key.data.sendall(piece)
                    self.carried += len(piece)
                    if left is not None and left <= 0:
                        return
