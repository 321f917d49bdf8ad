"""Queues with the events of human loops, on the connection that the review runs on."""

from __future__ import annotations

from typing import Any, Final

from a2i.compat import SqsHook
from a2i.hooks.base import A2IHookMixin

#: SQS: messages of one request, and seconds that a request may wait for them.
MOST_MESSAGES: Final = 10
LONGEST_POLL_SECONDS: Final = 20


class A2ISqsHook(A2IHookMixin, SqsHook):
    """
    Interact with the queue that Amazon EventBridge, or Review Desk, sends the ends of human loops to.

    Takes a connection's name seriously, as all hooks of the library do, unlike
    :class:`airflow.providers.amazon.aws.hooks.sqs.SqsHook`.
    """


def poll_seconds(client: Any, seconds: float = LONGEST_POLL_SECONDS) -> float:
    """Return how long a request may wait for messages, at most ``seconds``.

    A connection may allow less time for an answer than SQS may take.
    """
    poll = min(seconds, LONGEST_POLL_SECONDS)
    read_timeout = client.meta.config.read_timeout
    return min(poll, read_timeout / 2) if read_timeout else poll
