"""Several tasks at once in one worker's hands: who gets which, and that each stays a task of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from review_desk_fixtures import SCOPE, Desk
from sqlalchemy import select

from review_desk.engine.errors import InvalidError
from review_desk.engine.tables import task
from review_desk.engine.tasks import NoTask, NoTaskReason, Task
from review_desk.templates import grid_size

META = '<meta name="review-desk-grid" content="9">'


def grid_flow(desk: Desk, loops: int, *, size: int = 9, name: str = "flow", **loop_config: Any) -> str:
    """Create a flow definition that allows a grid, and start loops of it, named as it is and counted from 1."""
    content = f'<meta name="review-desk-grid" content="{size}"><crowd-form></crowd-form>'
    desk.service.human_task_uis.create(SCOPE, f"{name}-ui", content, [])
    arn = desk.flow(name, HumanTaskUiArn=SCOPE.arn("human-task-ui", f"{name}-ui"), **loop_config)
    for number in range(1, loops + 1):
        desk.start(arn, f"{name}-{number}")
    return arn


def claim(desk: Desk, worker: int, flow: str) -> list[Task]:
    found = desk.service.grid.claim(worker, flow)
    assert isinstance(found, list)
    return found


def loops(tasks: list[Task]) -> list[str]:
    return [task.human_loop for task in tasks]


def names(*numbers: int) -> list[str]:
    return [f"flow-{number}" for number in numbers]


def test_two_workers_never_get_the_same_tasks(desk: Desk) -> None:
    flow = grid_flow(desk, 13)
    ann, bob = desk.worker("ann"), desk.worker("bob")
    assert sorted(loops(claim(desk, ann, flow))) == names(*range(1, 10))
    assert sorted(loops(claim(desk, bob, flow))) == sorted(names(10, 11, 12, 13))
    assert desk.service.grid.claim(desk.worker("cat"), flow) == NoTask(NoTaskReason.HELD, 600)


def test_many_workers_at_once_take_each_loop_once(desk: Desk) -> None:
    flow = grid_flow(desk, 24, size=4)
    workers = [desk.worker(f"worker-{number}") for number in range(4)]

    def work(worker: int) -> list[str]:
        done = []
        while isinstance(tasks := desk.service.grid.claim(worker, flow), list):
            assert len(tasks) <= 4
            for each in tasks:
                desk.tasks.submit(worker, each.id, {"by": worker}, each.lease_token)
            done += loops(tasks)
        return done

    with ThreadPoolExecutor(len(workers)) as pool:
        taken = [name for names in pool.map(work, workers) for name in names]
    assert sorted(taken) == sorted(names(*range(1, 25)))


def test_what_is_held_already_comes_first(desk: Desk) -> None:
    flow, other = grid_flow(desk, 6, size=3), grid_flow(desk, 1, name="other")
    ann = desk.worker("ann")
    held = desk.tasks.claim(ann, loop_name="flow-5")
    assert isinstance(held, Task)
    desk.tasks.claim(ann, other)
    desk.clock.advance(1)
    first = claim(desk, ann, flow)
    assert loops(first) == names(5, 1, 2)
    desk.tasks.save_draft(ann, first[1].id, {"kept": True}, 0)
    again = claim(desk, ann, flow)
    assert loops(again) == names(5, 1, 2)
    assert [each.lease_token for each in again] == [each.lease_token for each in first]
    assert again[1].draft == {"kept": True}

    desk.tasks.submit(ann, first[0].id, {}, first[0].lease_token)
    assert loops(claim(desk, ann, flow)) == names(1, 2, 3)


def test_a_single_claim_still_returns_what_is_held(desk: Desk) -> None:
    flow = grid_flow(desk, 4, size=3)
    ann = desk.worker("ann")
    tasks = claim(desk, ann, flow)
    assert desk.tasks.claim(ann, flow) in tasks
    assert len(desk.tasks.working(ann)) == 3


def test_each_task_has_its_own_lease_answer_and_time(desk: Desk) -> None:
    flow = grid_flow(desk, 3)
    ann = desk.worker("ann")
    tasks = claim(desk, ann, flow)
    assert len({each.lease_token for each in tasks}) == 3
    for number, each in enumerate(tasks[:2]):
        desk.clock.advance(10)
        desk.tasks.submit(ann, each.id, {"number": number}, each.lease_token)
    with desk.service.database.read() as connection:
        rows = connection.execute(select(task).where(task.c.submitted_at.is_not(None))).all()
    times = {row.answer["number"]: (row.submitted_at - row.accepted_at).total_seconds() for row in rows}
    assert times == {0: 10, 1: 20}
    assert [desk.status(name) for name in names(1, 2, 3)] == ["Completed", "Completed", "InProgress"]

    desk.clock.advance(600)
    assert loops(claim(desk, desk.worker("bob"), flow)) == names(3)


def test_a_flow_definition_has_to_allow_it(desk: Desk) -> None:
    twice, plain = grid_flow(desk, 1, name="twice", TaskCount=2), desk.flow("plain")
    flow = grid_flow(desk, 0, size=4)
    ann = desk.worker("ann")
    assert desk.service.grid.sizes(ann) == {flow: 4}
    for arn in (twice, plain):
        with pytest.raises(InvalidError, match="allows no grid"):
            desk.service.grid.claim(ann, arn)
    assert desk.service.grid.claim(ann, flow) == NoTask(NoTaskReason.EMPTY)
    assert desk.tasks.working(ann) == []


def test_teams_are_separate(desk: Desk) -> None:
    flow = grid_flow(desk, 2)
    desk.team("others")
    eve = desk.worker("eve", "others")
    assert desk.service.grid.sizes(eve) == {}
    for arn in (flow, f"{flow}-not", "nonsense"):
        assert desk.service.grid.claim(eve, arn) == NoTask(NoTaskReason.EMPTY)


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (META, 9),
        ('<!doctype html><head>\n<META content=" 3 " name="Review-Desk-Grid"></head>', 3),
        (META.replace("9", "1"), 1),
        (META.replace("9", "0"), None),
        (META.replace("9", "10"), None),
        (META.replace("9", "٣"), None),
        (META.replace("9", "{{ 9 }}"), None),
        ('<meta name="review-desk-grid">', None),
        (f"<!-- {META} -->", None),
        (f"{{% comment %}}{META}{{% endcomment %}}", None),
        (f"<p>{' ' * 10_000}</p>{META}", None),
        ("<p>review-desk-grid</p>", None),
        ("", None),
    ],
)
def test_how_many_tasks_a_template_allows(content: str, size: int | None) -> None:
    assert grid_size(content) == size
