"""Copies and replaces a PostgreSQL database by PostgreSQL's own tools, which must be as new as its server."""

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import psycopg
from psycopg import IsolationLevel, conninfo, sql

from sync_server.keeping import contents, files
from sync_server.keeping.contents import Contents
from sync_server.keeping.errors import InUse, KeepingError

LOCK_WAIT: Final = "60s"
"""How long to wait for tables that somebody is changing."""
STREAM_TABLE: Final = "ingest_stream"
CHUNK: Final = 1024 * 1024

Settings = Mapping[str, Any]
"""Django's settings of a database."""


def dump(settings: Settings, target: Path) -> Contents:
    """Copies one state of the database into the new file `target`; what it holds is read from the very same state.

    Raises `KeepingError`.
    """
    try:
        with psycopg.connect(_place(settings), password=settings["PASSWORD"] or None) as connection:
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            snapshot = connection.execute("SELECT pg_export_snapshot()").fetchone()
            assert snapshot is not None
            held = contents.read(lambda statement: connection.execute(statement.encode()).fetchall())
            if held is None:
                raise KeepingError("The database holds no installation yet. Run first: ./vidhuk server init")
            target.touch(mode=files.PRIVATE)
            options = ["--format=custom", "--no-owner", "--no-privileges", f"--lock-wait-timeout={LOCK_WAIT}"]
            _run(["pg_dump", *options, f"--snapshot={snapshot[0]}", f"--file={target}", f"--dbname={_place(settings)}"], settings)
    except psycopg.Error as fault:
        raise KeepingError(f"The database cannot be read: {fault}") from None
    return held


def verify(path: Path, held: Contents) -> None:
    """Reads the whole of a dump, and finds in it the streams that `held` names, as far as that. Raises `KeepingError`."""
    _run(["pg_restore", f"--file={os.devnull}", str(path)])
    written = _run(["pg_restore", "--data-only", f"--table={STREAM_TABLE}", "--file=-", str(path)])
    found = {(row["stream"].removeprefix("\\\\x"), int(row["stored_through"])) for row in _copied(written.decode())}
    if found != {(mark.stream, mark.stored_through) for mark in held.streams}:
        raise KeepingError(f"{path} holds other streams than the database did. Make another backup.")


def _copied(script: str) -> Iterator[dict[str, str]]:
    """The rows that a script of pg_restore copies into a table."""
    lines = iter(script.splitlines())
    for line in lines:
        if not line.startswith("COPY "):
            continue
        names = line[line.index("(") + 1 : line.index(")")].split(", ")
        for row in lines:
            if row == "\\.":
                break
            yield dict(zip(names, row.split("\t"), strict=True))


def require_alone(settings: Settings) -> None:
    """Raises `InUse` while anybody else is connected to the database: parts may run on other machines."""
    question = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    try:
        with psycopg.connect(_place(settings), password=settings["PASSWORD"] or None, autocommit=True) as connection:
            row = connection.execute(question).fetchone()
    except psycopg.Error as fault:
        raise KeepingError(f"The database cannot be reached: {fault}") from None
    if row is not None and row[0]:
        raise InUse(f"Others are connected to the database ({row[0]}). Stop every part of the server, and try again.")


def replace(settings: Settings, copy: Path, tables: Iterable[str], rebirth: str) -> None:
    """Puts what the dump `copy` holds in the place of `tables`, and runs the statement `rebirth`, in one transaction.

    A cut at any moment leaves the old tables or the new ones: the COMMIT is sent after everything else was, so that psql, should it
    be cut off from us, ends without it. (Its --single-transaction would commit what had come by then.) Raises `KeepingError`.
    """
    drops = b"".join(sql.SQL("DROP TABLE IF EXISTS {} CASCADE;\n").format(sql.Identifier(table)).as_bytes(None) for table in tables)
    reading = ["pg_restore", "--no-owner", "--no-privileges", "--file=-", str(copy)]
    writing = ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file=-", _place(settings)]
    with _started(reading, stdout=subprocess.PIPE) as reader, _started(writing, settings, stdin=subprocess.PIPE) as writer:
        assert reader.stdout is not None
        assert writer.stdin is not None
        try:
            writer.stdin.write(b"BEGIN;\nSET LOCAL client_min_messages = warning;\n" + drops)
            _pour(reader.stdout, writer.stdin)
            if _ended(reader) == 0:
                writer.stdin.write(f"{rebirth};\nCOMMIT;\n".encode())
            writer.stdin.close()
        except BrokenPipeError:
            reader.kill()  # psql has given up, and says why
        said = b"".join(part.stderr.read() for part in (writer, reader) if part.stderr is not None).decode(errors="replace")
        if _ended(writer) or _ended(reader):
            raise KeepingError(f"The database was not replaced, and is as it was: {_reason(said)}")


def _pour(source: Any, target: Any) -> None:
    while chunk := source.read(CHUNK):
        target.write(chunk)


def _ended(process: "subprocess.Popen[bytes]") -> int:
    return process.wait()


def _reason(text: str) -> str:
    """Of all that a tool has said, the line that says why it failed."""
    lines = [line for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "its tool said nothing")


def _place(settings: Settings) -> str:
    """Where the database is, as libpq takes it; without the password, which everybody could read among a process's arguments."""
    parts = {"dbname": settings["NAME"], "user": settings["USER"], "host": settings["HOST"], "port": settings["PORT"]}
    return conninfo.make_conninfo(**{name: value for name, value in (parts | settings["OPTIONS"]).items() if value})


def _run(argv: Sequence[str], settings: Settings | None = None) -> bytes:
    with _started(argv, settings, stdout=subprocess.PIPE) as process:
        output, said = process.communicate()
    if process.returncode:
        raise KeepingError(f"{argv[0]} failed: {_reason(said.decode(errors='replace'))}")
    return output


@contextmanager
def _started(
    argv: Sequence[str],
    settings: Settings | None = None,
    *,
    stdin: int | BinaryIO = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> Iterator["subprocess.Popen[bytes]"]:
    secret = {"PGPASSWORD": settings["PASSWORD"]} if settings and settings["PASSWORD"] else {}
    try:
        process = subprocess.Popen(argv, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, env={**os.environ, **secret})
    except FileNotFoundError:
        raise KeepingError(f"{argv[0]} is not installed. Install the package postgresql-client.") from None
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        with process:
            pass
