"""Queues with the events of human loops, on the connection that the review runs on."""

from __future__ import annotations

from a2i.compat import SqsHook
from a2i.hooks.base import A2IHookMixin


class A2ISqsHook(A2IHookMixin, SqsHook):
    """
    Interact with the queue that Amazon EventBridge, or Review Desk, sends the ends of human loops to.

    Takes a connection's name seriously, as all hooks of the library do, unlike
    :class:`airflow.providers.amazon.aws.hooks.sqs.SqsHook`.
    """
