"""Delivers the outbox from a process of its own, so that deliveries never make a request wait for Python's lock."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Sequence

from review_desk.engine.background import BackgroundJob
from review_desk.engine.database import Database

STOPPED_WITHIN_SECONDS = 10.0

log = logging.getLogger(__name__)


class DeliveryProcess:
    """Runs a background job in a child process, which ends when this process does, however it ends.

    The child is a fork, so it must be made before there are threads. A pipe joins the two: a byte wakes the job, and
    its end, which the operating system sees to if this process is killed, stops it. Should the child be killed, the
    job goes on in this process.

    :param database: its connections are closed before the fork, since two processes must not share one.
    :param others: further jobs for the same process; they go by their own interval and are never woken.
    """

    def __init__(self, job: BackgroundJob, database: Database, others: Sequence[BackgroundJob] = ()) -> None:
        self._job = job
        self._all = (job, *others)
        self._is_here = False
        self._lock = threading.Lock()
        database.engine.dispose()
        reading, self._pipe = os.pipe()
        self._child = os.fork()
        if not self._child:
            os.close(self._pipe)
            _run(self._all, reading)
        os.close(reading)
        os.set_blocking(self._pipe, False)

    def start(self) -> None:
        """Nothing is to be started: the child works from its beginning."""

    def wake(self) -> None:
        # Requests of several threads end at the same moment, and only one of them may start the job here.
        with self._lock:
            if self._is_here:
                self._job.wake()
                return
            try:
                os.write(self._pipe, b"\n")
            except BlockingIOError:
                pass  # It has been woken often enough.
            except BrokenPipeError:
                log.error("the process that delivers has ended; deliveries go on in this one")
                self._is_here = True
                for job in self._all:
                    job.start()

    def stop(self) -> None:
        """Let the round at hand end, for at most ten seconds."""
        os.close(self._pipe)
        if self._is_here:
            for job in self._all:
                job.stop()
        ends = time.monotonic() + STOPPED_WITHIN_SECONDS
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(self._child, os.WNOHANG) == (0, 0) and time.monotonic() < ends:
                time.sleep(0.02)


def _run(jobs: Sequence[BackgroundJob], pipe: int) -> None:
    """Do the jobs, of which the first can be woken, until the other end of the pipe is closed; never return."""
    # A signal for the whole group means the parent: it closes the pipe when it has ended its requests.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        for job in jobs:
            job.start()
        while os.read(pipe, 4096):
            jobs[0].wake()
        for job in jobs:
            job.stop()
    finally:
        os._exit(0)
