"""Processes that the demo starts: each in its own session, with a log and a record of who it is.

A session outlives its leader's death, so the children of a killed process are still found, and a pid is not
given to anybody else while its session has a member. The record holds the leader's start time as well: a pid
that was given to a stranger in the meantime is left alone.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from include.demo.settings import DemoError

LOG_LINES = 12


@dataclass(frozen=True)
class Command:
    """What to run: a name for people and files, the arguments, and the whole environment."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path


class ManagedProcess:
    """One running command.

    :param folder: where ``logs/NAME.log`` and ``run/NAME.json`` are kept.
    """

    def __init__(self, command: Command, folder: Path) -> None:
        self.command = command
        self.log_path = folder / "logs" / f"{command.name}.log"
        self.record_path = folder / "run" / f"{command.name}.json"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, keep_log: bool = False) -> None:
        """Start it; the log begins anew unless ``keep_log``."""
        for path in (self.log_path, self.record_path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab" if keep_log else "wb") as log:
            self._process = subprocess.Popen(
                self.command.arguments,
                env=dict(self.command.environment),
                cwd=self.command.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        record = {
            "pid": self._process.pid,
            "started": _start_time(self._process.pid),
            "command": self.command.arguments,
        }
        temporary = self.record_path.with_suffix(".new")
        temporary.write_text(json.dumps(record) + "\n", encoding="utf-8")
        temporary.replace(self.record_path)

    def exit_status(self) -> str | None:
        """How it ended, as words, or None while it runs."""
        code = self._process.poll() if self._process else None
        if code is None:
            return None
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"exited with status {code}"

    def finish(self, deadline: float) -> None:
        """Wait for a command that ends by itself; ``deadline`` in seconds.

        :raises DemoError: it took longer or ended with an error; its last lines are in the message.
        """
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(deadline)
        status = self.exit_status()
        if status != "exited with status 0":
            problem = status or f"did not end within {deadline:g} seconds"
            raise DemoError(f"{self.command.name} {problem}. Its last lines:\n{self.last_lines()}")
        self.record_path.unlink(missing_ok=True)

    def last_lines(self) -> str:
        """The end of its log, indented for a message."""
        return last_lines(self.log_path)

    def stop(self, patience: float) -> None:
        """End it and its children: asked to first, killed after ``patience`` seconds."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        end_session(self._process.pid, _recorded_start(self.record_path))
        self.record_path.unlink(missing_ok=True)


def last_lines(path: Path, count: int = LOG_LINES) -> str:
    """Return the last lines of a text file, each indented by four spaces."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "    (no log was written)"
    lines = [line[:300] for line in text.splitlines() if line.strip()][-count:]
    return "\n".join(f"    {line}" for line in lines) or "    (the log is empty)"


def end_session(leader: int, started: float | None) -> int:
    """Kill what is left of the session that ``leader`` began at ``started``; returns how many there were.

    Nothing is touched if the leader's pid belongs to another process by now.
    """
    count = 0
    for _ in range(50):
        members = _members(leader, started)
        if not members:
            break
        count = max(count, len(members))
        for member in members:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(members, timeout=1)
    return count


def end_leftovers(folder: Path) -> list[str]:
    """End the processes that a killed earlier run left, by their records in ``run/``; returns their names."""
    ended = []
    for path in sorted((folder / "run").glob("*.json")):
        try:
            pid = int(json.loads(path.read_text(encoding="utf-8"))["pid"])
        except (ValueError, KeyError, TypeError):
            pid = 0
        if pid > 0 and end_session(pid, _recorded_start(path)):
            ended.append(path.stem)
        path.unlink(missing_ok=True)
    return ended


@contextmanager
def sole_supervisor(folder: Path) -> Iterator[None]:
    """Make sure that one supervisor works in ``folder`` at a time.

    :raises DemoError: another one does.
    """
    import fcntl

    path = folder / "run" / "supervisor.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise DemoError(
                f"another `make demo` or `make up` (process {lock.read().strip() or 'unknown'}) works in "
                f"{folder}. End it with Ctrl-C first, or give this one its own folder and ports "
                "(BUILD, AIRFLOW_PORT, REVIEW_DESK_PORT, S3_PORT)."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def run_once(command: Command, *, input_text: str = "", deadline: float = 120) -> str:
    """Run a command to its end and return what it printed.

    :param deadline: seconds.
    :raises DemoError: it took longer or exited with an error; its last lines are in the message.
    """
    try:
        done = subprocess.run(
            command.arguments,
            env=dict(command.environment),
            cwd=command.directory,
            input=input_text,
            capture_output=True,
            text=True,
            timeout=deadline,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise DemoError(f"{command.name} did not end within {deadline:g} seconds.") from None
    except OSError as error:
        raise DemoError(f"{command.name} cannot be run: {error}") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()[-LOG_LINES:]
        raise DemoError(
            f"{command.name} failed (status {done.returncode}):\n"
            + "\n".join(f"    {line}" for line in lines)
        )
    return done.stdout


def process_at_port(port: int) -> str:
    """Name the process that listens on a port, if this user may know: `` by NAME (process PID)`` or ""."""
    for pid in psutil.pids():
        with suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            for connection in process.net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                    return f" by {process.name()} (process {pid})"
    return ""


def _start_time(pid: int) -> float | None:
    with suppress(psutil.NoSuchProcess):
        return float(psutil.Process(pid).create_time())
    return None


def _recorded_start(path: Path) -> float | None:
    try:
        started = json.loads(path.read_text(encoding="utf-8"))["started"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return float(started) if started is not None else None


def _members(leader: int, started: float | None) -> list[psutil.Process]:
    now = _start_time(leader)
    if now is not None and (started is None or abs(now - started) > 2):
        return []
    members = []
    for pid in psutil.pids():
        with suppress(psutil.Error, OSError):
            if pid not in (0, os.getpid()) and os.getsid(pid) == leader:
                process = psutil.Process(pid)
                if process.status() != psutil.STATUS_ZOMBIE:
                    members.append(process)
    return members
