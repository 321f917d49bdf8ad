"""StartHumanLoop: what arrives while others are being written is started together, by one thread in one transaction.

A commit waits for the disk, so it costs the same for one loop as for fifty; and a request costs more to hand from
thread to thread than to carry out.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import dataclass
from time import perf_counter
from typing import Generic, TypeVar

from review_desk.api.operations import call, refusal
from review_desk.api.runtime import start_parameters, started
from review_desk.api.wire import ParsedRequest, serialise
from review_desk.engine.arns import Scope
from review_desk.engine.database import unavailability
from review_desk.engine.errors import EngineError, QuotaError
from review_desk.engine.loop_insertion import NewLoop
from review_desk.service import Service

OPERATION = "StartHumanLoop"
MOST_AT_ONCE = 100

Admitted = tuple[Scope, ParsedRequest]
Item = TypeVar("Item")


class Batches(Generic[Item]):
    """A thread that works off what is put in, all that waits at a time."""

    def __init__(self, name: str, work: Callable[[list[Item]], None]) -> None:
        self._work = work
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting: deque[Item] = deque()
        self._lock = threading.Lock()
        self._is_working = False

    def put(self, item: Item) -> None:
        with self._lock:
            self._waiting.append(item)
            if self._is_working:
                return
            self._is_working = True
        self._thread.submit(self._work_off)

    def _work_off(self) -> None:
        while True:
            with self._lock:
                items = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_AT_ONCE))]
                if not items:
                    self._is_working = False
                    return
            self._work(items)


@dataclass(eq=False)
class _Start:
    """A request on its way.

    :param context: of the request: its log line and who makes it.
    :param admit: checks and parses the request.
    """

    context: Context
    admit: Callable[[], Admitted]
    answer: asyncio.Future[bytes]
    began: float
    admitted: Admitted | None = None
    loop: NewLoop | None = None
    content: bytes = b""
    error: Exception | None = None


class StartLane:
    """Starts human loops."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._requests = Batches("starts", self._start_together)

    async def start(self, admit: Callable[[], Admitted]) -> bytes:
        """Carry out a request and return the content of its answer.

        :raises Exception: what ``admit`` raised, or an ApiError.
        """
        request = _Start(copy_context(), admit, asyncio.get_running_loop().create_future(), perf_counter())
        self._requests.put(request)
        return await request.answer

    def _start_together(self, requests: list[_Start]) -> None:
        for request in requests:
            request.context.run(self._prepare, request)
        outcomes = self._insert([request for request in requests if request.loop is not None])
        for request in requests:
            if request.error is None:
                request.context.run(self._conclude, request, outcomes.get(request, False))
            if request.admitted is not None:
                self._service.metrics.api.labels(OPERATION).observe(perf_counter() - request.began)
        requests[0].answer.get_loop().call_soon_threadsafe(_tell, requests)

    def _prepare(self, request: _Start) -> None:
        try:
            scope, parsed = request.admitted = request.admit()
            request.loop = self._service.loops.prepare(scope, *start_parameters(parsed.parameters))
        except QuotaError:
            pass  # It may be there already: that is found out alone.
        except EngineError as error:
            request.error = refusal(error, OPERATION)
        except Exception as error:
            request.error = error

    def _insert(self, ready: list[_Start]) -> dict[_Start, bool]:
        """Return which were started."""
        loops = [request.loop for request in ready if request.loop is not None]
        if not loops:
            return {}
        try:
            return dict(zip(ready, self._service.loops.start_prepared(loops), strict=True))
        except Exception as error:
            # Of several, one may be what cannot be written: each is tried alone. A database that is away is so for all.
            if len(loops) == 1 or unavailability(error):
                for request in ready:
                    request.error = error
            return {}

    def _conclude(self, request: _Start, is_started: bool) -> None:
        assert request.admitted is not None
        scope, parsed = request.admitted
        try:
            if is_started:
                result = started(scope, parsed.parameters)
            else:
                result = call(self._service, scope, OPERATION, parsed.parameters)
            request.content = serialise(parsed.operation, result)
        except Exception as error:
            request.error = error


def _tell(requests: list[_Start]) -> None:
    """Answer, in the event loop."""
    for request in requests:
        if request.answer.done():
            continue  # The client has gone.
        if request.error is not None:
            request.answer.set_exception(request.error)
        else:
            request.answer.set_result(request.content)
