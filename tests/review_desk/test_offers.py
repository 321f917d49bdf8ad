"""The task that would come next, shown to nobody but whom it is offered, and taken from nobody."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from review_desk_fixtures import SCOPE, Desk
from sqlalchemy import select
from support import Portal, ReviewDesk

from review_desk.engine.offers import OFFERED_FOR_SECONDS, Offers
from review_desk.engine.tables import human_loop
from review_desk.engine.tasks import Task
from review_desk.engine.workers import WorkerChange

IMAGE = "<crowd-form><img src=\"{{ 's3://documents/offered.png' | grant_read_access }}\"></crowd-form>"


def offered(desk: Desk, worker: int, flow: str | None = None) -> str | None:
    """Name of the loop that a worker is offered."""
    offer = desk.service.offers.next(worker, flow)
    return loop_name(desk, offer.human_loop_id) if offer else None


def loop_name(desk: Desk, loop_id: int) -> str:
    with desk.service.database.read() as connection:
        name: str = connection.execute(
            select(human_loop.c.name).where(human_loop.c.id == loop_id)
        ).scalar_one()
    return name


def loop_id(desk: Desk, name: str) -> int:
    with desk.service.database.read() as connection:
        found: int = connection.execute(select(human_loop.c.id).where(human_loop.c.name == name)).scalar_one()
    return found


def claimed(found: Any) -> str:
    assert isinstance(found, Task)
    return found.human_loop


def test_an_offer_is_what_a_claim_gives_and_takes_nothing(desk: Desk) -> None:
    flow = desk.flow()
    for number in (1, 2, 3):
        desk.start(flow, f"loop-{number}")
    ann = desk.worker("ann")
    assert offered(desk, ann) == "loop-1"
    assert offered(desk, ann, flow) == "loop-1", "asking again changes nothing"
    first = desk.tasks.claim(ann)
    assert claimed(first) == "loop-1"
    offer = desk.service.offers.next(ann, flow)
    assert offer is not None
    assert (offer.task_input, offer.time_limit) == ({"text": "x"}, 600)
    assert "crowd-form" in offer.template
    assert loop_name(desk, offer.human_loop_id) == "loop-2", "not the one that is held"
    assert desk.tasks.queue(ann)[0].open == 2


def test_workers_are_offered_different_loops_and_get_them(desk: Desk) -> None:
    flow = desk.flow()
    for number in range(1, 4):
        desk.start(flow, f"loop-{number}")
    ann, bob = desk.worker("ann"), desk.worker("bob")
    assert (offered(desk, ann), offered(desk, bob)) == ("loop-1", "loop-2")
    assert claimed(desk.tasks.claim(bob, rather=loop_id(desk, "loop-2"))) == "loop-2"
    assert claimed(desk.tasks.claim(ann, rather=loop_id(desk, "loop-1"))) == "loop-1"
    cat = desk.worker("cat")
    assert claimed(desk.tasks.claim(cat)) == "loop-3"


def test_an_offer_keeps_no_work_from_others(desk: Desk) -> None:
    desk.start(desk.flow(), "only")
    ann, bob = desk.worker("ann"), desk.worker("bob")
    assert offered(desk, ann) == "only"
    assert offered(desk, bob) is None
    assert claimed(desk.tasks.claim(bob)) == "only"
    assert offered(desk, ann) is None


def test_a_loop_that_is_gone_is_replaced_by_the_next(desk: Desk) -> None:
    flow = desk.flow()
    for number in (1, 2):
        desk.start(flow, f"loop-{number}")
    ann, bob = desk.worker("ann"), desk.worker("bob")
    gone = loop_id(desk, "loop-1")
    assert claimed(desk.tasks.claim(bob, rather=gone)) == "loop-1"
    assert claimed(desk.tasks.claim(ann, rather=gone)) == "loop-2"


def test_rather_does_not_lead_into_other_teams_or_flow_definitions(desk: Desk) -> None:
    desk.team("others")
    here, elsewhere = desk.flow("here"), desk.flow("elsewhere", team="others")
    second = desk.flow("second")
    desk.start(elsewhere, "theirs")
    desk.start(second, "second-1")
    desk.start(here, "ours")
    ann = desk.worker("ann")
    assert offered(desk, ann, elsewhere) is None
    assert not desk.service.offers.is_open_to(loop_id(desk, "theirs"), ann)
    assert claimed(desk.tasks.claim(ann, here, rather=loop_id(desk, "second-1"))) == "ours"
    bob = desk.worker("bob")
    assert claimed(desk.tasks.claim(bob, rather=loop_id(desk, "theirs"))) == "second-1"


def test_an_offer_ends_after_some_minutes(desk: Desk) -> None:
    desk.start(desk.flow(), "only")
    now = [0.0]
    offers = Offers(desk.service.database, desk.clock, lambda: now[0])
    ann, bob = desk.worker("ann"), desk.worker("bob")
    assert offers.next(ann) is not None
    now[0] = OFFERED_FOR_SECONDS - 1
    assert offers.next(bob) is None
    now[0] = OFFERED_FOR_SECONDS + 1
    assert offers.next(bob) is not None
    assert offers.next(ann) is None


def test_a_disabled_worker_sees_nothing_of_an_offer(desk: Desk) -> None:
    desk.start(desk.flow(), "only")
    ann = desk.worker("ann")
    assert desk.service.offers.is_open_to(loop_id(desk, "only"), ann)
    desk.service.workers.change(SCOPE, "ann", WorkerChange(disabled=True))
    assert not desk.service.offers.is_open_to(loop_id(desk, "only"), ann)


@pytest.fixture
def start(review_desk_server: ReviewDesk, s3: Any) -> Callable[[str], str]:
    """Start two loops of a new flow definition with an image."""
    s3.put_object(Bucket="documents", Key="offered.png", Body=b"picture", ContentType="image/png")

    def start_two(name: str) -> str:
        arn = review_desk_server.create_flow_definition(name, IMAGE)
        for number in (1, 2):
            review_desk_server.client("sagemaker-a2i-runtime").start_human_loop(
                HumanLoopName=f"{name}-{number}",
                FlowDefinitionArn=arn,
                HumanLoopInput={"InputContent": "{}"},
            )
        return arn

    return start_two


def ask(portal: Portal, flow: str) -> httpx.Response:
    return portal.http.post("/portal/api/tasks/offer", json={"flow_definition": flow})


def submit(portal: Portal, task: dict[str, Any], **claim_next: Any) -> dict[str, Any]:
    body = {"answer": {}, "lease_token": task["lease"]["token"], "claim_next": claim_next}
    answer = portal.http.post(f"/portal/api/tasks/{task['id']}/submit", json=body)
    answer.raise_for_status()
    following: dict[str, Any] = answer.json()["next"]
    return following


def picture(portal: Portal, page: str) -> int:
    path = re.search(r'src="(/portal/media/[^"]+)"', page)
    assert path is not None
    return httpx.get(f"{portal.http.base_url}{path[1]}").status_code


def test_an_offer_over_http(review_desk_server: ReviewDesk, start: Callable[[str], str]) -> None:
    flow = start("offer")
    portal = review_desk_server.portal("worker-1")
    task = portal.claim(flow_definition=flow).json()
    offer = ask(portal, flow).json()
    assert offer.keys() == {"page", "offer", "flow_definition"}
    assert offer["flow_definition"] == flow
    assert portal.http.get("/portal/api/queue").json()["working"][0]["id"] == task["id"], "nothing is claimed"
    assert picture(portal, offer["page"]) == 200

    following = submit(portal, task, flow_definition=flow, offer=offer["offer"], with_page=True)
    assert following["is_offered"]
    assert "page" not in following
    assert following["task"]["human_loop"] == "offer-2"
    assert picture(portal, offer["page"]) == 200, "the page is the task's now"
    assert submit(portal, following["task"], flow_definition=flow)["reason"] == "empty"
    assert picture(portal, offer["page"]) == 403
    assert ask(portal, flow).status_code == 204


def test_an_offer_that_somebody_else_took(
    review_desk_server: ReviewDesk, start: Callable[[str], str]
) -> None:
    flow = start("taken")
    review_desk_server.add_worker("offers-2")
    first, second = review_desk_server.portal("worker-1"), review_desk_server.portal("offers-2")
    task = first.claim(flow_definition=flow).json()
    offer = ask(first, flow).json()
    other = second.claim(flow_definition=flow).json()
    assert other["human_loop"] == "taken-2"
    assert picture(first, offer["page"]) == 403
    assert ask(first, flow).status_code == 204
    assert submit(first, task, flow_definition=flow, offer=offer["offer"])["reason"] == "held"
    second.submit(other, {}).raise_for_status()


def test_a_token_of_an_offer_is_its_workers(
    review_desk_server: ReviewDesk, start: Callable[[str], str]
) -> None:
    flow = start("token")
    review_desk_server.add_worker("offers-3")
    first, second = review_desk_server.portal("worker-1"), review_desk_server.portal("offers-3")
    task = first.claim(flow_definition=flow).json()
    offer = ask(first, flow).json()["offer"]
    for forged in (offer[:-2], task["frame_url"].rsplit("/", 1)[-1], "x"):
        answer = second.http.post(
            f"/portal/api/tasks/{task['id']}/submit",
            json={"answer": {}, "lease_token": "x", "claim_next": {"offer": forged}},
        )
        assert answer.status_code == 404
    assert submit(first, task, flow_definition=flow, offer=offer)["is_offered"]
    own = first.http.get("/portal/api/queue").json()["working"][0]
    following = submit(first, own, flow_definition=flow, offer="forged")
    assert following == {"reason": "empty", "retry_after": None}


def test_offers_can_be_switched_off(tmp_path: Any, s3_server: str, start: Callable[[str], str]) -> None:
    desk = ReviewDesk(tmp_path, s3_server, settings={"REVIEW_DESK_PREPARE_NEXT_TASK": "false"})
    desk.prepare()
    desk.start()
    try:
        flow = desk.create_flow_definition("off", IMAGE)
        desk.client("sagemaker-a2i-runtime").start_human_loop(
            HumanLoopName="off-1", FlowDefinitionArn=flow, HumanLoopInput={"InputContent": "{}"}
        )
        assert ask(desk.portal(), flow).status_code == 204
    finally:
        desk.stop()
