"""A real PostgreSQL cluster for the storage tests: fresh, in a folder of its own, on a loopback port, gone afterwards."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.tools import ToolMissing, postgresql_folder
from tests.support.waiting import accepts_connections, until
from workbench.ports import free_port
from workbench.processes import Child

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "40",
    "shared_buffers": "32MB",
    # A minimal root has no tmpfs on /dev/shm.
    "dynamic_shared_memory_type": "mmap",
    # Durability of PostgreSQL itself is not what these tests are about.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}


class PostgreSQL:
    """One cluster with one empty database. PostgreSQL refuses to run as root, so root runs it as user postgres."""

    def __init__(self) -> None:
        self.programs = postgresql_folder()
        self.user: str | None = None
        if os.geteuid() == 0:
            try:
                pwd.getpwnam("postgres")
            except KeyError:
                raise ToolMissing("there is no user postgres; the Debian package postgresql makes it") from None
            self.user = "postgres"
        # Not below pytest's own folders: those are private to root, and a socket's path must be short.
        self.folder = Path(tempfile.mkdtemp(prefix="vidhuk-pg-"))
        self.port = free_port()
        self.child: Child | None = None

    @property
    def url(self) -> str:
        """The DATABASE_URL of its database."""
        return f"postgresql://vidhuk:vidhuk@127.0.0.1:{self.port}/vidhuk"

    def start(self) -> "PostgreSQL":
        """Makes the cluster and the database and waits until it answers."""
        data = self.folder / "data"
        if self.user:
            shutil.chown(self.folder, self.user, self.user)
        self._run("initdb", "-D", str(data), "-U", "vidhuk", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        options = [f"-c{name}={value}" for name, value in SETTINGS.items()]
        self.child = Child(
            "PostgreSQL",
            [f"{self.programs}/postgres", "-D", str(data), "-p", str(self.port), "-k", str(self.folder), *options],
            log=self.folder / "server.log",
            user=self.user,
            cwd=self.folder,
        ).start()
        until(self._answers, "PostgreSQL accepts connections")
        self._run("createdb", "-h", str(self.folder), "-p", str(self.port), "-U", "vidhuk", "vidhuk")
        return self

    def stop(self) -> None:
        """Ends it and removes everything."""
        if self.child is not None:
            self.child.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        assert self.child is not None
        self.child.check()
        if not accepts_connections(self.port):
            return False
        asked = subprocess.run([f"{self.programs}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], cwd=self.folder)
        return asked.returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [f"{self.programs}/{program}", *arguments],
            cwd=self.folder,
            user=self.user,
            group=self.user,
            extra_groups=[] if self.user else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, f"{program} failed:\n{done.stdout}"
