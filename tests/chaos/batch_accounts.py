"""A batch's simulated reviewers, and the accounts of it that must agree when all is over."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import httpx
from support import PASSWORD, ReviewDesk

from a2i.naming import human_loop_name

TEMPLATE = "<crowd-form><p>{{ task.input.text }}</p><crowd-input name='category'></crowd-input></crowd-form>"
SEED = int(os.environ.get("CHAOS_SEED", "1"))
ITEMS = int(os.environ.get("CHAOS_ITEMS", "500"))


def items(count: int) -> list[dict[str, Any]]:
    return [{"id": f"form-{number:05}", "input": {"text": f"text {number}"}} for number in range(count)]


class Reviewers:
    """Simulated reviewers, who answer what they can claim through the portal's JSON API until the block ends.

    What is not answered they send again, as a person does who meets an error page.

    :param think_seconds: what a reviewer takes for an answer.
    :param hold: whether to leave the rest alone for now.
    :ivar taken: by human loop the answers that Review Desk said it took.
    :ivar repeated: requests that were sent again.
    """

    def __init__(
        self,
        desk: ReviewDesk,
        names: list[str],
        think_seconds: float = 0.0,
        hold: Callable[[], bool] = lambda: False,
    ) -> None:
        self._desk = desk
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(len(names))
        self._names = names
        self._think_seconds = think_seconds
        self._hold = hold
        self._working: list[Future[None]] = []
        self.taken: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.repeated = 0

    def __enter__(self) -> Self:
        self._working = [self._pool.submit(self._work, name) for name in self._names]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._pool.shutdown()
        for worker in self._working:
            worker.result()

    def check(self) -> None:
        """Raise what ended a reviewer's work."""
        for worker in self._working:
            if worker.done():
                worker.result()

    def _work(self, name: str) -> None:
        with httpx.Client(base_url=f"{self._desk.url}/portal/api/", timeout=10, trust_env=False) as http:
            signed_in = self._ask(http, "login", {"username": name, "password": PASSWORD})
            if signed_in is None:
                return
            http.headers["X-CSRF-Token"] = signed_in.json()["csrf_token"]
            while not self._over.is_set():
                if self._hold():
                    self._over.wait(0.2)
                    continue
                claimed = self._ask(http, "tasks/claim", {})
                if claimed is None or claimed.status_code == 204:
                    self._over.wait(0.2)
                    continue
                task = claimed.json()
                self._over.wait(self._think_seconds)
                answer = {"category": f"{task['human_loop']} as {name} sees it"}
                body = {"answer": answer, "lease_token": task["lease"]["token"]}
                taken = self._ask(http, f"tasks/{task['id']}/submit", body)
                if taken is not None:
                    assert taken.json()["state"] == "submitted", taken.text
                    self.taken[task["human_loop"]].append(answer)

    def _ask(self, http: httpx.Client, path: str, body: dict[str, Any]) -> httpx.Response | None:
        """Ask until there is an answer; None if the work is over before."""
        while not self._over.is_set():
            try:
                answer = http.post(path, json=body)
            except httpx.TransportError:
                self.repeated += 1
            else:
                if answer.status_code < 500 and answer.status_code != 429:
                    answer.raise_for_status()
                    return answer
                self.repeated += 1
            self._over.wait(0.3)
        return None


def json_lines(s3: Any, uri: str) -> list[dict[str, Any]]:
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return [json.loads(line) for line in body.splitlines()]


def ledger_rows(s3: Any, batch: dict[str, Any]) -> list[dict[str, Any]]:
    bucket, key = batch["ledger_uri"].removeprefix("s3://").split("/", 1)
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{key}/started/").get("Contents", [])
    return [row for entry in listed for row in json_lines(s3, f"s3://{bucket}/{entry['Key']}")]


def listed_loops(desk: ReviewDesk, flow_definition_arn: str) -> list[tuple[str, str]]:
    """Names and statuses of all loops of a flow definition, as a stock client lists them."""
    pages = (
        desk.client("sagemaker-a2i-runtime")
        .get_paginator("list_human_loops")
        .paginate(FlowDefinitionArn=flow_definition_arn)
    )
    return [
        (loop["HumanLoopName"], loop["HumanLoopStatus"])
        for page in pages
        for loop in page["HumanLoopSummaries"]
    ]


def problems(
    batch: dict[str, Any],
    expected: list[str],
    results: list[dict[str, Any]],
    ledger: list[dict[str, Any]],
    loops: list[tuple[str, str]],
    taken: dict[str, list[dict[str, Any]]],
) -> Iterator[str]:
    """Compare all accounts of a batch whose items people have all answered; one line for each that does not agree.

    :param expected: ids of the items, in order.
    :param loops: of the flow definition, which only this batch uses.
    :param taken: by human loop the answers that the service told reviewers it took.
    """
    names = {item: human_loop_name(batch["batch_id"], item) for item in expected}
    counts = {name: batch[name] for name in ("items", "started", "failed", "not_needed")}
    if counts != {"items": len(expected), "started": len(expected), "failed": 0, "not_needed": 0}:
        yield f"the batch counts {counts}"
    if [row["item_id"] for row in results] != expected:
        yield from _differences("results", [row["item_id"] for row in results], expected)
    if [row["item_id"] for row in ledger] != expected:
        yield from _differences("ledger", [row["item_id"] for row in ledger], expected)
    yield from (
        f"ledger: {row['item_id']} has the human loop {row['human_loop_name']}"
        for row in ledger
        if row["human_loop_name"] != names.get(row["item_id"])
    )
    yield from _differences("human loops", [name for name, _ in loops], list(names.values()), ordered=False)
    yield from (f"{name} is {status}" for name, status in loops if status != "Completed")
    yield from _differences(
        "answers", [name for name, answers in taken.items() for _ in answers], list(names.values()), False
    )
    for row in results:
        name = names.get(row["item_id"], "")
        got = [answer["content"] for answer in row["answers"]]
        if row["status"] != "Completed" or row["error"] is not None:
            yield f"results: {row['item_id']} is {row['status']}: {row['error']}"
        if got != taken.get(name):
            yield f"results: {row['item_id']} has the answers {got}, reviewers gave {taken.get(name)}"


def _differences(what: str, found: list[str], expected: list[str], ordered: bool = True) -> Iterator[str]:
    counted = Counter(found)
    yield from (f"{what}: {item} is missing" for item in expected if item not in counted)
    yield from (f"{what}: {item} stands there {count} times" for item, count in counted.items() if count > 1)
    yield from (f"{what}: nobody gave {item}" for item in counted.keys() - set(expected))
    if ordered and found != expected and sorted(found) == sorted(expected):
        yield f"{what}: not in the order of the items"
