"""A PostgreSQL server of the tests' own, from Debian's binaries, on the loopback interface."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import Any

import psycopg
import pytest
from support import free_port, wait_until

INSTALLATIONS = Path("/usr/lib/postgresql")


class PostgresqlServer:
    """One cluster in a folder of its own; :meth:`new_database` gives each test its own database.

    :param durable: wait for the disk at every commit, as PostgreSQL does by default; tests do without.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._durable = durable
        self._binaries = _binaries()
        self._owner: dict[str, Any] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root; Debian's package brings this user.
            account = pwd.getpwnam("postgres")
            os.chown(self._folder, account.pw_uid, account.pw_gid)
            self._owner = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def start(self) -> None:
        data = self._folder / "data"
        subprocess.run(
            [self._binaries / "initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True,
            capture_output=True,
            cwd=self._folder,
            **self._owner,
        )
        self.launch()

    def launch(self) -> None:
        """Start the server on its data, as after :meth:`shut_down`."""
        data = self._folder / "data"
        settings = [f"port={self._port}", "listen_addresses=127.0.0.1", "max_connections=200"]
        settings += [] if self._durable else ["fsync=off"]
        settings.append(f"unix_socket_directories={self._folder}")
        arguments = [argument for setting in settings for argument in ("-c", setting)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", data, *arguments],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **self._owner,
            )
        wait_until(self._answers)

    def shut_down(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server and the connections that are open: in order by ``SIGINT``, as in a crash by ``SIGQUIT``."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)

    def stop(self) -> None:
        self.shut_down()
        shutil.rmtree(self._folder, ignore_errors=True)

    def new_database(self) -> str:
        """Create an empty database and return its SQLAlchemy URL."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self._address(name).replace("postgresql://", "postgresql+psycopg://")

    def _address(self, database: str) -> str:
        return f"postgresql://tests@127.0.0.1:{self._port}/{database}"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._address("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def _binaries() -> Path:
    """Find the newest installed server, or say how to get one; in CI that is a failure, never a skip."""
    found = sorted(
        (path for path in INSTALLATIONS.glob("*/bin") if (path / "postgres").exists()),
        key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0),
    )
    if found:
        return found[-1]
    message = "PostgreSQL's server is missing: install it with `apt-get install postgresql`."
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
