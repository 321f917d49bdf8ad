"""The numbers that leads look at, against a history made by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from review_desk_fixtures import SCOPE, Desk

from review_desk.engine.answer_quality import MOST_FIELDS, Agreement, AgreementCount, EditCount, FieldShare
from review_desk.engine.errors import InvalidError, NotFoundError
from review_desk.engine.flow_report import Age, Backlog, FlowReport, Throughput, Wanted
from review_desk.engine.roles import Role
from review_desk.engine.sessions import Session
from review_desk.engine.tasks import Task
from review_desk.engine.textract_pairs import ANSWER_KEY

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def viewer(desk: Desk, name: str = "lead", team: str = "reviewers", role: Role = Role.LEAD) -> Session:
    return Session(desk.worker(name, team, role), name, role, "", desk.clock.now())


def report(desk: Desk, lead: Session, wanted: Wanted | None = None, **options: Any) -> FlowReport:
    return desk.service.reports.report(lead, wanted or Wanted(), **options)


def start(desk: Desk, flow: str, loop: str, **fields: Any) -> None:
    predicted = [{"name": key, "value": value, "confidence": 50.0} for key, value in fields.items()]
    desk.loops.start(SCOPE, loop, flow, json.dumps({"fields": predicted}))


def answer(desk: Desk, worker: int, loop: str, after: float = 0, **content: Any) -> None:
    task = claim(desk, worker, loop)
    desk.clock.advance(after)
    desk.tasks.submit(worker, task.id, content, task.lease_token)


def claim(desk: Desk, worker: int, loop: str) -> Task:
    task = desk.tasks.claim(worker, loop_name=loop)
    assert isinstance(task, Task)
    return task


def test_answers_by_the_hour_and_by_the_day(desk: Desk) -> None:
    lead, ann = viewer(desk), desk.worker("ann")
    flow = desk.flow()
    for number, wait in enumerate((0, 3600, 23 * 3600, 60)):
        desk.clock.advance(wait)
        start(desk, flow, f"loop-{number}")
        answer(desk, ann, f"loop-{number}")
    # At noon and at one on the first day, at noon and a minute past noon on the second.
    by_hour = report(desk, lead, Wanted(days=1))
    assert (by_hour.since, by_hour.until) == (datetime(2026, 1, 2, tzinfo=UTC), desk.clock.now())
    assert len(by_hour.throughput) == 13
    assert [part for part in by_hour.throughput if part.answers] == [
        Throughput(datetime(2026, 1, 2, 12, tzinfo=UTC), 2)
    ]
    by_day = report(desk, lead, Wanted(days=7))
    assert [(part.at.day, part.answers) for part in by_day.throughput] == [
        (27, 0), (28, 0), (29, 0), (30, 0), (31, 0), (1, 2), (2, 2),
    ]  # fmt: skip
    assert by_day.answers == 4
    assert len(report(desk, lead, Wanted(days=30)).throughput) == 30
    desk.clock.advance(9 * 86400)
    assert report(desk, lead, Wanted(days=7)).answers == 0
    assert report(desk, lead, Wanted(days=30)).answers == 4


def test_handling_time_by_nearest_rank(desk: Desk) -> None:
    lead, ann = viewer(desk), desk.worker("ann")
    flow = desk.flow()
    assert (report(desk, lead).p50, report(desk, lead).p90) == (None, None)
    for seconds in (10, 70, 30, 20, 60, 50, 40, 80, 100, 90):
        start(desk, flow, f"loop-{seconds}")
        answer(desk, ann, f"loop-{seconds}", after=seconds + 0.5)
    made = report(desk, lead)
    assert (made.p50, made.p90) == (50.5, 90.5)


def test_the_backlog_and_its_age(desk: Desk) -> None:
    lead, ann = viewer(desk), desk.worker("ann")
    flow = desk.flow(TaskCount=2, TaskAvailabilityLifetimeInSeconds=10 * 86400)
    assert report(desk, lead).backlog == Backlog(0, 0, None, dict.fromkeys(Age, 0))
    start(desk, desk.flow("short"), "available-for-an-hour")
    for number, wait in enumerate((0, 3 * 86400, 3600, 20 * 3600, 3 * 3600, 3599)):
        desk.clock.advance(wait)
        start(desk, flow, f"loop-{number}")
    start(desk, flow, "stopped")
    desk.loops.stop(SCOPE, "stopped")
    claim(desk, ann, "loop-5")
    backlog = report(desk, lead).backlog
    assert (backlog.loops, backlog.tasks, backlog.oldest) == (6, 11, NOON)
    assert list(backlog.ages.values()) == [2, 1, 1, 1, 1]
    # The limits themselves belong to the older ones.
    desk.clock.advance(1)
    assert list(report(desk, lead).backlog.ages.values()) == [1, 1, 1, 2, 1]


def test_what_ends_without_an_answer(desk: Desk) -> None:
    lead, ann = viewer(desk), desk.worker("ann")
    flow = desk.flow()
    for name in ("lost", "declined", "released", "never-taken"):
        start(desk, flow, name)
    desk.tasks.decline(ann, claim(desk, ann, "declined").id, "blurred")
    desk.tasks.release(ann, claim(desk, ann, "released").id)
    claim(desk, ann, "lost")
    desk.clock.advance(601)
    desk.tasks.tidy()
    made = report(desk, lead)
    assert (made.expired_leases, made.declines, made.expired_loops) == (1, 1, 0)
    desk.clock.advance(3600)
    desk.tasks.tidy()
    assert report(desk, lead).expired_loops == 4
    desk.clock.advance(8 * 86400)
    made = report(desk, lead)
    assert (made.expired_leases, made.declines, made.expired_loops) == (0, 0, 0)


def test_the_edit_rate_of_each_field(desk: Desk) -> None:
    lead, ann = viewer(desk), desk.worker("ann")
    flow = desk.flow()
    for number, (name, city) in enumerate(
        [("Ada", "London"), (" Ada ", "Londen"), ("Ava", "london"), ("Ada", "London")]
    ):
        start(desk, flow, f"loop-{number}", name="Ada", city="London", salary="", unread=None)
        answer(
            desk, ann, f"loop-{number}", name=name, city=city, salary="12" * (number % 2), unread="x", new="y"
        )
    assert report(desk, lead).edits == (
        FieldShare("city", 2, 4),
        FieldShare("salary", 2, 4),
        FieldShare("name", 1, 4),
    )


@pytest.mark.parametrize(
    "task_input",
    [
        None,
        3,
        [],
        {},
        {"fields": None},
        {"fields": {"a": 1}},
        {"fields": [1, {"name": 5, "value": "x"}, {"value": "x"}]},
    ],
)
def test_inputs_of_other_shapes_predict_nothing(task_input: Any) -> None:
    count = EditCount()
    count.add(task_input, {"a": "x"})
    assert count.result() == ()


EXAMPLES = Path(__file__).parents[2] / "docs" / "templates"


def example(name: str) -> Any:
    return json.loads((EXAMPLES / f"document-pairs.{name}.json").read_text())


def blocks(*pairs: tuple[str, str, str]) -> list[dict[str, Any]]:
    """Textract's blocks of pairs: id of the key, key, value."""
    made: list[dict[str, Any]] = []
    for number, (identifier, *texts) in enumerate(pairs):
        for kind, text in zip(("KEY", "VALUE"), texts, strict=True):
            words = [{"blockType": "WORD", "id": f"{uuid4()}", "text": word} for word in text.split()]
            related = [{"type": "CHILD", "ids": [word["id"] for word in words]}]
            if kind == "KEY":
                related.append({"type": "VALUE", "ids": [f"value-{number}"]})
            block_id = identifier if kind == "KEY" else f"value-{number}"
            block = {
                "blockType": "KEY_VALUE_SET",
                "id": block_id,
                "entityTypes": [kind],
                "relationships": related,
            }
            made += [*words, block]
    return made


def pairs_answer(*pairs: tuple[str, str, str]) -> dict[str, Any]:
    return {ANSWER_KEY: {"blocks": blocks(*pairs)}}


def test_corrections_of_textract_pairs() -> None:
    count = EditCount()
    task_input = {
        "selectedAiServiceResponse": {"blocks": blocks(("1", "First name", "Ada"), ("2", "City", "L"))}
    }
    count.add(task_input, pairs_answer(("1", "First name", "Ada"), ("2", "City", "London")))
    count.add(task_input, pairs_answer(("1", "First name", "Ada"), ("3", "Country", "UK")))
    assert count.result() == (FieldShare("City", 2, 2), FieldShare("First name", 0, 2))
    real = EditCount()
    real.add(example("input"), example("answer"))
    assert FieldShare("Invoice number", 1, 1) in real.result()
    assert FieldShare("Date", 0, 1) in real.result()


def test_agreement_on_textract_pairs() -> None:
    count = AgreementCount()
    count.add(1, 2, pairs_answer(("1", "City", "London"), ("2", "Total", "1")))
    count.add(1, 2, pairs_answer(("9", "City", "london"), ("8", "Total", "2")))
    assert count.result() == Agreement(0, 1, (FieldShare("Total", 0, 1), FieldShare("City", 1, 1)))


@pytest.mark.parametrize(
    "content",
    [
        None,
        "x",
        {"blocks": None},
        {"blocks": [1, {"id": 2}, {"id": []}]},
        {"blocks": [{"id": "a", "blockType": "KEY_VALUE_SET", "entityTypes": 5}]},
        {"blocks": [{"id": "a", "blockType": "KEY_VALUE_SET", "entityTypes": ["VALUE"]}]},
    ],
)
def test_blocks_of_other_shapes_have_no_pairs(content: Any) -> None:
    count = EditCount()
    count.add({"selectedAiServiceResponse": content}, {ANSWER_KEY: content})
    assert count.result() == ()


def test_broken_relationships_end_in_empty_texts() -> None:
    block = {"id": "a", "blockType": "KEY_VALUE_SET", "entityTypes": ["KEY"]}
    for relationships in (None, [1], [{"type": "CHILD"}], [{"type": "CHILD", "ids": ["none", {}]}]):
        content = {"blocks": [{**block, "relationships": relationships}]}
        count = EditCount()
        count.add({"selectedAiServiceResponse": content}, {ANSWER_KEY: content})
        assert count.result() == (FieldShare("", 0, 1),)


def test_a_value_that_is_left_out_is_blank_and_a_mark_is_a_correction() -> None:
    count = EditCount()
    fields = {
        "fields": [{"name": "a", "value": "x"}, {"name": "b", "value": ""}, {"name": "c", "value": "z"}]
    }
    count.add(fields, {"a": "x", "c:mark": "unreadable"})
    count.add(fields, {"c": "z"})
    count.add(fields, {"something": "else"})
    assert count.result() == (FieldShare("a", 1, 2), FieldShare("c", 1, 2), FieldShare("b", 0, 2))


def test_values_that_are_no_text_are_compared_too() -> None:
    count = EditCount()
    count.add({"fields": [{"name": "on", "value": {"a": 1, "b": True}}]}, {"on": {"b": True, "a": 1}})
    count.add({"fields": [{"name": "on", "value": {"a": 1}}]}, {"on": {"a": 2}})
    assert count.result() == (FieldShare("on", 1, 2),)


def test_agreement_of_two_and_of_three_answers(desk: Desk) -> None:
    lead = viewer(desk)
    workers = [desk.worker(name) for name in ("ann", "bob", "cleo")]
    twice, thrice, once = desk.flow("twice", TaskCount=2), desk.flow("thrice", TaskCount=3), desk.flow("once")
    answers = {
        "same": (twice, [{"a": " Yes", "b": "1"}, {"a": "yes ", "b": "1"}]),
        "b-differs": (twice, [{"a": "yes", "b": "1"}, {"a": "yes", "b": "2"}]),
        "b-is-missing": (twice, [{"a": "yes", "b": "1"}, {"a": "yes"}]),
        "third-differs": (thrice, [{"a": "x"}, {"a": "x"}, {"a": "y"}]),
        "not-all-yet": (thrice, [{"a": "x"}, {"a": "x"}]),
        "one-is-enough": (once, [{"a": "x"}]),
    }
    for name, (flow, contents) in answers.items():
        start(desk, flow, name)
        for worker, content in zip(workers, contents, strict=False):
            answer(desk, worker, name, **content)
    agreement = report(desk, lead, Wanted(flow_definition=twice)).agreement
    assert (agreement.equal, agreement.of) == (1, 3)
    assert agreement.fields == (FieldShare("b", 1, 3), FieldShare("a", 3, 3))
    agreement = report(desk, lead, Wanted(flow_definition=thrice)).agreement
    assert (agreement.equal, agreement.of, agreement.fields) == (0, 1, (FieldShare("a", 0, 1),))
    assert report(desk, lead).agreement.of == 4


def test_only_so_many_fields_are_told_apart() -> None:
    edits, agreement = EditCount(), AgreementCount()
    names = [f"field-{number}" for number in range(MOST_FIELDS + 1)]
    content = dict.fromkeys(names, "x")
    edits.add({"fields": [{"name": name, "value": "x"} for name in names]}, content)
    for _ in range(2):
        agreement.add(1, 2, content)
    assert len(edits.result()) == len(agreement.result().fields) == MOST_FIELDS


def test_no_more_answers_than_wanted_are_looked_at(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("review_desk.engine.flow_report.ANSWERS_AT_ONCE", 2)
    lead, ann = viewer(desk), desk.worker("ann")
    flow = desk.flow()
    for seconds in range(1, 6):
        start(desk, flow, f"loop-{seconds}", a="x")
        answer(desk, ann, f"loop-{seconds}", after=seconds, a="y")
    made = report(desk, lead, most_answers=3)
    assert (made.answers, made.looked_at, made.is_capped) == (5, 3, True)
    # The newest ones: 3, 4 and 5 seconds.
    assert (made.p50, made.p90, made.edits) == (4, 5, (FieldShare("a", 3, 3),))
    whole = report(desk, lead)
    assert (whole.looked_at, whole.is_capped, whole.p50) == (5, False, 3)


def test_answers_of_one_moment_are_all_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("review_desk.engine.flow_report.ANSWERS_AT_ONCE", 2)
    lead, ann = viewer(desk), desk.worker("ann")
    flow = desk.flow()
    for number in range(5):
        start(desk, flow, f"loop-{number}")
        answer(desk, ann, f"loop-{number}")
    assert report(desk, lead).looked_at == 5


def test_a_large_input_is_not_read(desk: Desk) -> None:
    lead, ann = viewer(desk), desk.worker("ann")
    start(desk, desk.flow(), "large", a="x" * 600_000)
    answer(desk, ann, "large", a="y")
    made = report(desk, lead)
    assert (made.looked_at, made.edits) == (1, ())


def test_a_report_is_of_the_own_teams(desk: Desk) -> None:
    desk.team("others")
    lead, admin = viewer(desk), viewer(desk, "admin", "others", Role.ADMIN)
    ann, cid = desk.worker("ann"), desk.worker("cid", "others")
    own, second, other = desk.flow("own"), desk.flow("second"), desk.flow("other", "others")
    for flow, loop, worker in ((own, "a", ann), (second, "b", ann), (other, "c", cid)):
        start(desk, flow, loop)
        answer(desk, worker, loop)
        start(desk, flow, f"{loop}-open")
        desk.tasks.decline(worker, claim(desk, worker, f"{loop}-open").id, "x")
    team = SCOPE.arn("workteam", "reviewers")

    def numbers(session: Session, **wanted: str) -> tuple[int, int, int, int]:
        made = report(desk, session, Wanted(**wanted))
        return made.answers, made.looked_at, made.backlog.loops, made.declines

    assert numbers(lead) == numbers(lead, team=team) == (2, 2, 2, 2)
    assert numbers(lead, flow_definition=own) == (1, 1, 1, 1)
    assert numbers(admin) == (3, 3, 3, 3)
    assert numbers(admin, team=team) == (2, 2, 2, 2)
    assert numbers(admin, team=team, flow_definition=other) == (0, 0, 0, 0)
    with pytest.raises(NotFoundError, match="of another team"):
        report(desk, lead, Wanted(flow_definition=other))
    with pytest.raises(NotFoundError, match="not yours"):
        report(desk, lead, Wanted(team=SCOPE.arn("workteam", "others")))
    for wrong in ("reviewers", team, own.replace("flow-definition", "human-loop")):
        with pytest.raises(InvalidError, match="is not the ARN of a flow-definition"):
            report(desk, lead, Wanted(flow_definition=wrong))


def test_the_days_of_a_report_begin_at_midnight() -> None:
    now = datetime(2026, 3, 1, 0, 0, 5, tzinfo=UTC)
    assert Wanted(days=1).begins(now) == now - timedelta(seconds=5)
    assert Wanted(days=7).begins(now) == datetime(2026, 2, 23, tzinfo=UTC)
