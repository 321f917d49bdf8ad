"""What the triggers that wait with a waiter share."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError, WaiterError

from a2i.compat import AwsBaseHook, AwsBaseWaiterTrigger, TriggerEvent
from a2i.failures import explain, failed_event, is_passing
from a2i.mixins import AwsArguments

SUCCESS: Final = "success"
TIMEOUT: Final = "timeout"
ERROR: Final = "error"


class A2IWaiterTrigger(AwsArguments, AwsBaseWaiterTrigger):
    """
    Wait with a waiter, through outages of the service.

    ``run`` is written by hand for two reasons: the provider's ends at the first request that has no answer, though
    people review for days; and the text of its error differs from the one of a task that waits in the worker. So
    :meth:`wait_here` is the same wait in the worker, and both end in the same event:

    - ``status``: ``success``; ``timeout`` when all attempts are used up; ``error``
    - ``message``: what went wrong
    - ``retry``: whether an error may pass
    - and what ``return_key`` names.

    Subclasses build their hook in :meth:`hook`, which the provider does by itself from 9.37 only. Every look counts
    as an attempt, whatever its answer, so that permanent throttling ends, too.
    """

    @abstractmethod
    def hook(self) -> AwsBaseHook:
        """Build the hook on this trigger's connection."""

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until the waiter is done."""
        try:
            hook: Any = self.hook()
            async with await hook.get_async_conn() as client:
                waiter = hook.get_waiter(self.waiter_name, deferrable=True, client=client)
                payload = self._payload(TIMEOUT)
                for attempt in range(self.attempts):
                    if attempt:
                        await asyncio.sleep(self.waiter_delay)
                    try:
                        await waiter.wait(**self.waiter_args, WaiterConfig={"MaxAttempts": 1})
                    except Exception as error:
                        if (ended := self._ended(error)) is None:
                            continue
                        payload = ended
                    else:
                        payload = self._payload(SUCCESS)
                    break
        except Exception as error:
            payload = self._failed(error)
        yield TriggerEvent(payload)  # type: ignore[no-untyped-call]

    def wait_here(self, hook: AwsBaseHook) -> dict[str, Any]:
        """Wait in this process and return the event's payload."""
        waiter = hook.get_waiter(self.waiter_name)
        for attempt in range(self.attempts):
            if attempt:
                time.sleep(self.waiter_delay)
            try:
                waiter.wait(**self.waiter_args, WaiterConfig={"MaxAttempts": 1})
            except Exception as error:
                if (ended := self._ended(error)) is not None:
                    return ended
            else:
                return self._payload(SUCCESS)
        return self._payload(TIMEOUT)

    def _ended(self, error: Exception) -> dict[str, Any] | None:
        """Return how a look that was no success ended the wait, or None if the wait goes on."""
        cause = error
        if isinstance(error, WaiterError):
            if "terminal failure" in str(error):
                return self._payload(ERROR, message=f"{self.failure_message}.", retry=False)
            if not str(error.kwargs.get("reason")).startswith("An error occurred"):
                self.log.info("%s: %s", self.status_message, self._status(error.last_response))
                return None
            cause = ClientError(error.last_response, "Describe")
        if is_passing(cause):
            self.log.warning("%s; the wait goes on", explain(cause))
            return None
        return self._failed(cause)

    def _status(self, response: Mapping[str, Any]) -> str:
        found = [response[query] for query in self.status_queries if response.get(query)]
        return " - ".join(map(str, found)) or str(response.get("Error", {}).get("Message", "unknown"))

    def _failed(self, error: Exception) -> dict[str, Any]:
        event = failed_event(error, self.log, "The wait broke off")
        return self._payload(
            ERROR, message=f"{self.failure_message}: {event['message']}", retry=event["retry"]
        )

    def _payload(self, status: str, **more: Any) -> dict[str, Any]:
        return {"status": status, self.return_key: self.return_value, **more}
