"""ListHumanLoops through stock boto3: orders, pages, times, and loops that come while somebody reads."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from every_operation import RUNTIME, TEMPLATE
from support import ReviewDesk

COUNT = 12


@pytest.fixture(scope="module")
def runtime(review_desk_server: ReviewDesk) -> Any:
    return review_desk_server.client(RUNTIME)


def start(runtime: Any, flow: str, name: str) -> None:
    runtime.start_human_loop(
        HumanLoopName=name, FlowDefinitionArn=flow, HumanLoopInput={"InputContent": "{}"}
    )


@pytest.fixture(scope="module")
def flow(review_desk_server: ReviewDesk, runtime: Any) -> str:
    """A flow definition with twelve loops."""
    arn = review_desk_server.create_flow_definition("listed", TEMPLATE)
    for number in range(COUNT):
        start(runtime, arn, f"listed-{number:02}")
    return arn


def listed(runtime: Any, flow: str, page_size: int, **more: Any) -> list[dict[str, Any]]:
    pages = runtime.get_paginator("list_human_loops").paginate(
        FlowDefinitionArn=flow, PaginationConfig={"PageSize": page_size}, **more
    )
    sizes, loops = [], []
    for page in pages:
        sizes.append(len(page["HumanLoopSummaries"]))
        loops += page["HumanLoopSummaries"]
    assert sizes[:-1] == [page_size] * (len(sizes) - 1)
    return loops


def names(loops: list[dict[str, Any]]) -> list[str]:
    return [loop["HumanLoopName"] for loop in loops]


@pytest.mark.parametrize("order", ["Ascending", "Descending", None])
@pytest.mark.parametrize("page_size", [1, 5, 6, 11, 12, 13, 100])
def test_every_loop_is_there_once_in_its_order(runtime: Any, flow: str, page_size: int, order: str) -> None:
    expected = [f"listed-{number:02}" for number in range(COUNT)]
    found = names(listed(runtime, flow, page_size, **({"SortOrder": order} if order else {})))
    assert found == (expected if order == "Ascending" else expected[::-1])


@pytest.mark.parametrize("page_size", [1, 4, 100])
@pytest.mark.parametrize("order", ["Ascending", "Descending"])
def test_times_choose_from_the_first_to_before_the_second(
    runtime: Any, flow: str, page_size: int, order: str
) -> None:
    everything = listed(runtime, flow, 100, SortOrder=order)
    times = sorted(loop["CreationTime"] for loop in everything)
    moment = timedelta(milliseconds=1)
    for after, before in (
        (times[3], None),
        (times[3] + moment, None),
        (None, times[8]),
        (None, times[8] + moment),
        (times[3], times[8]),
        (times[8], times[3]),
        (times[-1] + moment, None),
        (None, times[0]),
    ):
        wanted = [
            loop["HumanLoopName"]
            for loop in everything
            if (after is None or loop["CreationTime"] >= after)
            and (before is None or loop["CreationTime"] < before)
        ]
        limits = {"CreationTimeAfter": after, "CreationTimeBefore": before}
        given = {name: value for name, value in limits.items() if value is not None}
        assert names(listed(runtime, flow, page_size, SortOrder=order, **given)) == wanted, given


@pytest.mark.parametrize("order", ["Ascending", "Descending"])
def test_loops_that_come_meanwhile_shift_nothing(
    review_desk_server: ReviewDesk, runtime: Any, order: str
) -> None:
    name = f"busy-{order.lower()}"
    flow = review_desk_server.create_flow_definition(name, TEMPLATE)
    before = [f"{name}-before-{number:02}" for number in range(20)]
    for loop in before:
        start(runtime, flow, loop)
    came: list[str] = []
    stop = threading.Event()

    def keep_starting() -> None:
        client = review_desk_server.client(RUNTIME)
        while not stop.is_set():
            came.append(f"{name}-meanwhile-{len(came)}")
            start(client, flow, came[-1])

    writer = threading.Thread(target=keep_starting)
    writer.start()
    try:
        found: list[str] = []
        token: dict[str, str] = {}
        # Forwards the reader would chase the writer for ever: it ends when it has passed what was there before.
        while not set(before) <= set(found):
            page = runtime.list_human_loops(FlowDefinitionArn=flow, SortOrder=order, MaxResults=3, **token)
            found += names(page["HumanLoopSummaries"])
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
    finally:
        stop.set()
        writer.join()
    assert len(came) > 1
    assert len(found) == len(set(found))
    assert [loop for loop in found if loop in before] == (before if order == "Ascending" else before[::-1])
    rest = names(listed(runtime, flow, 7, SortOrder=order))
    assert sorted(rest) == sorted(before + came)
