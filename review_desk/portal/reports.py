"""The portal's reports for leads, as JSON and as CSV: the same numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from review_desk.engine.answer_quality import FieldShare
from review_desk.engine.clock import iso_milliseconds
from review_desk.engine.flow_report import FlowReport, Wanted
from review_desk.engine.lifecycle import LoopStatus
from review_desk.engine.oversight import LoopFilter
from review_desk.portal.authorization import LeadSession, as_lead
from review_desk.portal.desk import Desk
from review_desk.portal.models import ReportAnswer
from review_desk.portal.schema import SIGNED_IN, answers, csv_answers
from review_desk.portal.spreadsheet import CsvResponse, csv_file

router = APIRouter(prefix="/portal/api", dependencies=[Depends(as_lead)])

Word = Annotated[str | None, Query(max_length=256, pattern=r"^[^\x00]*$")]
Days = Annotated[Literal["1", "7", "30"], Query(description="1 is today; UTC")]

LOOPS_IN_A_FILE = 10_000
LOOPS_AT_ONCE = 500
REPORT_COLUMNS = ("section", "name", "value", "unit", "of")
LOOP_COLUMNS = (
    "name",
    "flow_definition",
    "status",
    "task_count",
    "working",
    "answers",
    "created_at",
    "available_until",
    "ended_at",
    "failure_reason",
)


@router.get("/report", responses=answers(ReportAnswer, 400, *SIGNED_IN, 404))
def report(
    desk: Desk, session: LeadSession, flow_definition: Word = None, team: Word = None, days: Days = "7"
) -> dict[str, Any]:
    wanted = Wanted(flow_definition, team, int(days))
    return _report(wanted, desk.reports.report(session, wanted))


@router.get("/report.csv", response_class=CsvResponse, responses=csv_answers(400, *SIGNED_IN, 404))
def report_csv(
    desk: Desk, session: LeadSession, flow_definition: Word = None, team: Word = None, days: Days = "7"
) -> CsvResponse:
    wanted = Wanted(flow_definition, team, int(days))
    made = _report(wanted, desk.reports.report(session, wanted))
    return csv_file("report.csv", REPORT_COLUMNS, _report_rows(made))


@router.get("/loops.csv", response_class=CsvResponse, responses=csv_answers(400, *SIGNED_IN))
def loops_csv(
    desk: Desk,
    session: LeadSession,
    flow_definition: Word = None,
    status: LoopStatus | None = None,
    name: Word = None,
) -> CsvResponse:
    """The newest 10,000 loops of a search."""
    wanted = LoopFilter(flow_definition, status, name)
    rows: list[tuple[object, ...]] = []
    before: int | None = None
    while len(rows) < LOOPS_IN_A_FILE:
        page, before = desk.oversight.loops(session, wanted, LOOPS_AT_ONCE, before)
        rows += [
            (
                loop.name,
                loop.flow_definition,
                str(loop.status),
                loop.task_count,
                loop.working,
                loop.answers,
                iso_milliseconds(loop.created_at),
                iso_milliseconds(loop.available_until),
                iso_milliseconds(loop.ended_at) if loop.ended_at else None,
                loop.failure_reason,
            )
            for loop in page
        ]
        if before is None:
            break
    return csv_file("loops.csv", LOOP_COLUMNS, rows)


def _report(wanted: Wanted, made: FlowReport) -> dict[str, Any]:
    backlog, agreement = made.backlog, made.agreement
    return {
        "flow_definition": wanted.flow_definition,
        "team": wanted.team,
        "days": wanted.days,
        "step": "hour" if wanted.days == 1 else "day",
        "since": iso_milliseconds(made.since),
        "until": iso_milliseconds(made.until),
        "answers": made.answers,
        "looked_at": made.looked_at,
        "capped": made.is_capped,
        "throughput": [
            {"at": iso_milliseconds(part.at), "answers": part.answers} for part in made.throughput
        ],
        "handling_seconds": {"p50": made.p50, "p90": made.p90},
        "backlog": {
            "loops": backlog.loops,
            "tasks": backlog.tasks,
            "oldest": iso_milliseconds(backlog.oldest) if backlog.oldest else None,
            "ages": [{"age": age, "loops": loops} for age, loops in backlog.ages.items()],
        },
        "expired_leases": made.expired_leases,
        "expired_loops": made.expired_loops,
        "declines": made.declines,
        "edits": [_share(share) for share in made.edits],
        "agreement": {
            "loops": agreement.of,
            "equal": agreement.equal,
            "fields": [_share(share) for share in agreement.fields],
        },
    }


def _share(share: FieldShare) -> dict[str, Any]:
    return {"field": share.field, "count": share.count, "of": share.of}


def _report_rows(made: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    """The numbers of a report's JSON, one a line; ``of`` is what a share is taken of."""
    backlog, agreement, handling = made["backlog"], made["agreement"], made["handling_seconds"]
    for name in ("flow_definition", "team", "since", "until"):
        yield "period", name, made[name], None, None
    yield "answers", "all", made["answers"], "answers", None
    yield "answers", "looked_at", made["looked_at"], "answers", made["answers"]
    for part in made["throughput"]:
        yield "throughput", part["at"], part["answers"], f"answers per {made['step']}", None
    for name in ("p50", "p90"):
        yield "handling_time", name, handling[name], "seconds", made["looked_at"]
    yield "backlog", "loops", backlog["loops"], "loops", None
    yield "backlog", "tasks", backlog["tasks"], "tasks", None
    yield "backlog", "oldest", backlog["oldest"], None, None
    for part in backlog["ages"]:
        yield "backlog_age", part["age"], part["loops"], "loops", backlog["loops"]
    yield "ends", "expired_leases", made["expired_leases"], "tasks", None
    yield "ends", "expired_loops", made["expired_loops"], "loops", None
    yield "ends", "declines", made["declines"], "tasks", None
    for share in made["edits"]:
        yield "edits", share["field"], share["count"], "answers", share["of"]
    if agreement["loops"]:
        yield "agreement", "all_fields", agreement["equal"], "loops", agreement["loops"]
    for share in agreement["fields"]:
        yield "agreement_by_field", share["field"], share["count"], "loops", share["of"]
