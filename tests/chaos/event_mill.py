"""Events on their way from Review Desk to the queue of a batch, as no one would wish them."""

from __future__ import annotations

import json
import random
import threading
import uuid
from collections import Counter
from types import TracebackType
from typing import Any, Self

SHARE_LOST = 0.1
SHARE_DOUBLED = 0.1
SHARE_HELD_BACK = 0.2
SHARE_FOREIGN = 0.1
FOREIGN = ("not JSON at all", '{"detail-type": "something else"}', "[]", '{"detail": null}')


class EventMill:
    """Carries events from one queue to another: some are lost, come twice or late; some of others are put in.

    :param source: URL of the queue that Review Desk sends to.
    :param target: URL of the queue that the batch is waited for on.
    :ivar injected: how often what was done.
    """

    def __init__(self, sqs: Any, source: str, target: str, seed: int) -> None:
        self._sqs = sqs
        self._source = source
        self._target = target
        self._random = random.Random(seed)
        self._held: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._grind, daemon=True)
        self.injected: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _grind(self) -> None:
        while not self._over.is_set():
            taken = self._sqs.receive_message(QueueUrl=self._source, MaxNumberOfMessages=10).get(
                "Messages", []
            )
            for message in taken:
                self._sqs.delete_message(QueueUrl=self._source, ReceiptHandle=message["ReceiptHandle"])
                self._pass_on(message["Body"])
            if not taken:
                self._let_go()
                self._over.wait(0.1)

    def _pass_on(self, event: str) -> None:
        what = self._random.random()
        if self._random.random() < SHARE_FOREIGN:
            self.injected["foreign events"] += 1
            self._send(self._foreign(event))
        if what < SHARE_LOST:
            self.injected["events lost"] += 1
            return
        if what < SHARE_LOST + SHARE_HELD_BACK:
            self.injected["events held back"] += 1
            self._held.append(event)
            return
        self._send(event)
        if what > 1 - SHARE_DOUBLED:
            self.injected["events doubled"] += 1
            self._send(event)
        if len(self._held) > 20:
            self._let_go()

    def _let_go(self) -> None:
        self._random.shuffle(self._held)
        while self._held:
            self._send(self._held.pop())

    def _foreign(self, event: str) -> str:
        """Something of nobody, or the same event of another batch's human loop."""
        if self._random.random() < 0.5:
            return self._random.choice(FOREIGN)
        other = json.loads(event)
        other["detail"]["humanLoopName"] = f"a2i-{uuid.uuid4().hex[:24]}-{uuid.uuid4().hex}"
        return json.dumps(other)

    def _send(self, body: str) -> None:
        self._sqs.send_message(QueueUrl=self._target, MessageBody=body)
