"""Django's database engine for SQLite, with a log that is settled before anything is read."""

import sqlite3
import threading
from typing import Any, Final
from weakref import WeakSet

from django.db.backends.sqlite3 import base

from sync_server.project.sqlite.log import settle


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's, but a connection is given out only when the log it reads is on the disk.

    Where another connection of this process was settled and is still open, nobody can have opened the database first since then,
    and there is nothing to settle.
    """

    _settled: "Final[WeakSet[DatabaseWrapper]]" = WeakSet()
    _guard: Final = threading.Lock()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unsettled: sqlite3.Connection | None = None

    def get_new_connection(self, conn_params: Any) -> Any:
        """A connection to a settled database. Raises `sqlite3.OperationalError`, also when its log could not be settled; then the
        next try begins where this one ended.
        """
        self._unsettled = opened = self._unsettled or super().get_new_connection(conn_params)
        if not self._is_settled():
            settle(opened)
        self._unsettled = None
        with self._guard:
            self._settled.add(self)
        return opened

    def _is_settled(self) -> bool:
        with self._guard:
            return any(other.settings_dict["NAME"] == self.settings_dict["NAME"] for other in self._settled)

    def close(self) -> None:
        """As Django's."""
        with self._guard:
            self._settled.discard(self)  # first: who opens the database from now on may be alone with it
        super().close()
