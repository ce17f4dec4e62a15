"""A loopback TCP relay that counts what passes. It looks into nothing: what it counts is what TCP was given to carry."""

import contextlib
import socket
import threading

CHUNK = 65536


class Meter:
    """Stands before `port` on loopback, on a port of its own. `up` and `down` are the bytes passed on towards it and back."""

    def __init__(self, host: str, port: int) -> None:
        self.up = self.down = 0
        self._target = (host, port)
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server((host, 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Ends every connection and listens no more."""
        for end in (self._listener, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._ends += [client, server]
                threading.Thread(target=self._pass, args=(client, server, "up"), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, "down"), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(CHUNK):
                # Counted before it goes on, so that an answer never overtakes the count of its question.
                setattr(self, direction, getattr(self, direction) + len(chunk))
                sink.sendall(chunk)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
