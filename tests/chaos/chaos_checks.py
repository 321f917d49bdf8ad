"""What must hold after a chaos run; every problem is one line that names the loop."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from aws_stand_in import Journal
from chaos_clients import input_of
from chaos_plan import TASK_COUNT, Ledger, LoopKind, Outcome, Plan, PlannedLoop, Submission
from sqlalchemy import Row, select

from review_desk.engine.database import Database
from review_desk.engine.output import worker_id
from review_desk.engine.tables import human_loop, outbox, task, task_event, worker

CLOCK_STEP = 0.002
"""Seconds: the service keeps whole milliseconds."""


@dataclass
class Facts:
    """What the database holds at the end, and what the services outside took."""

    loops: dict[str, Row[Any]]
    tasks: dict[str, Row[Any]]
    owed: list[Row[Any]]
    subs: dict[str, str]
    refused_answers: list[dict[str, Any]]
    outputs: dict[str, list[dict[str, Any]]]
    events: dict[str, list[dict[str, Any]]]
    positions: dict[tuple[str, str], int]


def read_facts(database: Database, journal: Journal, bucket: str) -> Facts:
    with database.read() as connection:
        loops = {row.name: row for row in connection.execute(select(human_loop))}
        names = {row.id: name for name, row in loops.items()}
        tasks = {row.id: row for row in connection.execute(select(task))}
        owed = list(connection.execute(select(outbox)))
        subs = {row.username: row.sub for row in connection.execute(select(worker))}
        refused = connection.execute(
            select(task_event.c.detail).where(task_event.c.action == "answer-refused")
        ).scalars()
        facts = Facts(loops, tasks, owed, subs, [detail["answer"] for detail in refused], {}, {}, {})
    assert len(names) == len(loops)
    for position, entry in enumerate(journal.entries):
        content = json.loads(entry.body)
        if entry.where.startswith(f"s3://{bucket}/"):
            kind, key, found = "output", entry.where, facts.outputs
        else:
            kind, key, found = "event", content["detail"]["humanLoopName"], facts.events
        found.setdefault(key, []).append(content)
        facts.positions.setdefault((kind, key), position)
    return facts


def problems(plan: Plan, ledger: Ledger, facts: Facts, statuses: dict[str, str]) -> Iterator[str]:
    """Compare what the outside knows with what the service holds and sent.

    :param statuses: of every loop, as ListHumanLoops tells it.
    """
    yield from (f"answered wrongly: {line}" for line in ledger.wrong)
    tasks_of = defaultdict(list)
    for row in facts.tasks.values():
        tasks_of[row.human_loop_id].append(row)
    sent = defaultdict(list)
    for submission in ledger.submissions:
        sent[submission.human_loop].append(submission)
    for planned in plan.planned:
        row = facts.loops.get(planned.name)
        if row is None:
            yield f"{planned.name}: started, but the database does not know it"
            continue
        told = (
            *_ending(planned, row, statuses.get(planned.name)),
            *_counts(row, tasks_of[row.id]),
            *_deliveries(planned, row, facts),
            *_answers(planned, row, sent[planned.name], facts),
        )
        yield from (f"{planned.name}: {problem}" for problem in told)
    yield from _claims(ledger)
    yield from _outbox(facts)
    strangers = {*facts.loops, *facts.events} - {planned.name for planned in plan.planned}
    yield from (f"{name}: nobody started it" for name in strangers)
    known = {row.output_uri for row in facts.loops.values()}
    yield from (f"{uri}: the output of no loop" for uri in set(facts.outputs) - known)


def _ending(planned: PlannedLoop, row: Row[Any], status: str | None) -> Iterator[str]:
    if status != row.status:
        yield f"is {row.status}, but ListHumanLoops says {status}"
    expected = {"Completed"}
    if planned.is_stopped:
        expected.add("Stopped")
    if planned.kind is LoopKind.FLEETING:
        expected.add("Failed")
    if row.status not in expected:
        yield f"is {row.status}, not {' or '.join(sorted(expected))}"
    if row.status == "Failed" and row.failure_code != "Expired":
        yield f"failed with {row.failure_code}"
    if (row.status == "Completed") != (row.answer_count == TASK_COUNT):
        yield f"is {row.status} with {row.answer_count} answers"


def _counts(row: Row[Any], tasks: list[Row[Any]]) -> Iterator[str]:
    states = Counter(found.state for found in tasks)
    if row.active_count or states["working"]:
        yield f"ended, but active_count is {row.active_count} and {states['working']} tasks are being worked on"
    if row.answer_count != states["submitted"] or row.answer_count > TASK_COUNT:
        yield f"answer_count is {row.answer_count}, but {states['submitted']} tasks are submitted"
    if len({found.worker_id for found in tasks}) != len(tasks):
        yield "one worker has two tasks"
    if row.open:
        yield "ended, but is still open"


def _deliveries(planned: PlannedLoop, row: Row[Any], facts: Facts) -> Iterator[str]:
    outputs = facts.outputs.get(row.output_uri, [])
    events = facts.events.get(planned.name, [])
    if any(output != outputs[0] for output in outputs):
        yield "its output.json was written again with other content"
    if bool(outputs) != bool(row.answer_count):
        yield f"has {row.answer_count} answers and {len(outputs)} outputs"
    if not events:
        yield "its event was not delivered"
        return
    if any(event != events[0] for event in events):
        yield "its event was sent again with other content"
    first = facts.positions["event", planned.name]
    if outputs and facts.positions["output", row.output_uri] > first:
        yield "its event was sent before output.json was written"
    [event] = events[:1]
    detail = event["detail"]
    expected = (row.status, row.failure_code, {"outputS3Uri": row.output_uri} if row.answer_count else None)
    if (detail["humanLoopStatus"], detail["failureCode"], detail["humanLoopOutput"]) != expected:
        yield f"its event tells {detail}"
    if event["time"] != f"{row.ended_at:%Y-%m-%dT%H:%M:%SZ}":
        yield f"ended at {row.ended_at}, its event says {event['time']}"


def _answers(planned: PlannedLoop, row: Row[Any], sent: list[Submission], facts: Facts) -> Iterator[str]:
    """Compare output.json with what workers sent and were told."""
    output = next(iter(facts.outputs.get(row.output_uri, [])), {"humanAnswers": []})
    if row.answer_count:
        yield from _layout(planned, row, output)
    by_marker = {submission.marker: submission for submission in sent}
    counted = [answer["answerContent"].get("marker") for answer in output["humanAnswers"]]
    for marker in counted:
        if marker not in by_marker:
            yield f"output.json has the answer {marker}, which nobody sent"
    for marker, submission in by_marker.items():
        times = counted.count(marker)
        if times != (submission.outcome is Outcome.SUBMITTED):
            yield f"the answer {marker} was answered {submission.outcome} and is in output.json {times} times"
        yield from _kept(submission, row, planned, facts)
    order = [by_marker[marker] for marker in counted if marker in by_marker]
    if any(later.answered_at < earlier.sent_at for earlier, later in pairwise(order)):
        yield f"output.json does not have the order of submission: {counted}"
    for submission, answer in zip(order, output["humanAnswers"], strict=False):
        if answer["answerContent"] != submission.answer:
            yield f"the answer {submission.marker} was changed: {answer['answerContent']}"
        if answer["workerMetadata"]["identityData"]["sub"] != facts.subs[submission.worker]:
            yield f"the answer {submission.marker} is under another worker's name"
    if len({answer["workerId"] for answer in output["humanAnswers"]}) != len(counted):
        yield "one worker answered twice"


def _layout(planned: PlannedLoop, row: Row[Any], output: dict[str, Any]) -> Iterator[str]:
    """A2I's output.json of a custom task type."""
    created = f"{row.created_at:%Y/%m/%d/%H/%M/%S}"
    if row.output_uri != f"s3://answers/a2i/{planned.kind}/{created}/{planned.name}/output.json":
        yield f"its output is at {row.output_uri}"
    keys = {"flowDefinitionArn", "humanAnswers", "humanLoopName", "inputContent"}
    if set(output) != keys or output["humanLoopName"] != planned.name:
        yield f"output.json has the keys {sorted(output)} and is of {output.get('humanLoopName')}"
        return
    if not output["flowDefinitionArn"].endswith(f":flow-definition/{planned.kind}"):
        yield f"output.json names {output['flowDefinitionArn']}"
    if output["inputContent"] != input_of(planned):
        yield f"output.json has the input {output['inputContent']}"
    keys = {
        "acceptanceTime",
        "answerContent",
        "submissionTime",
        "timeSpentInSeconds",
        "workerId",
        "workerMetadata",
    }
    times = [answer["submissionTime"] for answer in output["humanAnswers"]]
    if times != sorted(times):
        yield f"output.json has the submission times {times}"
    for answer in output["humanAnswers"]:
        identity = answer["workerMetadata"]["identityData"]
        spent = _seconds(answer["submissionTime"]) - _seconds(answer["acceptanceTime"])
        if set(answer) != keys or answer["workerId"] != worker_id(identity["sub"]):
            yield f"output.json has an answer with {sorted(answer)} by {answer['workerId']}"
        if spent < 0 or abs(spent - answer["timeSpentInSeconds"]) > CLOCK_STEP:
            yield f"output.json has an answer of {answer['timeSpentInSeconds']} s, by its times {spent} s"


def _kept(submission: Submission, row: Row[Any], planned: PlannedLoop, facts: Facts) -> Iterator[str]:
    """An answer that did not count is kept all the same, and had a reason not to count."""
    found = facts.tasks[submission.task_id]
    if submission.outcome is Outcome.LATE:
        if found.state != "late" or found.answer != submission.answer:
            yield f"the late answer {submission.marker} is not kept with its task"
        if planned.kind is not LoopKind.BRISK or submission.answered_at - submission.claimed_at < 30:
            yield f"the answer {submission.marker} was called late before its time was over"
    elif submission.outcome is Outcome.LOST and submission.answer not in facts.refused_answers:
        yield f"the lost answer {submission.marker} is not kept in the log"
    if submission.is_stale and submission.outcome is not Outcome.LOST:
        yield f"the answer {submission.marker} of a lease that was given back was {submission.outcome}"
    if submission.outcome is None:
        yield f"the answer {submission.marker} was never told what became of it"


def _claims(ledger: Ledger) -> Iterator[str]:
    for name, sent_at in ledger.claims:
        ended_at = ledger.ended.get(name, sent_at)
        if sent_at > ended_at:
            yield f"{name}: a claim was answered with it {sent_at - ended_at:.3f} s after it had ended"


def _outbox(facts: Facts) -> Iterator[str]:
    names = {row.id: name for name, row in facts.loops.items()}
    for row in facts.owed:
        if row.dead_at is not None or row.delivered_at is None:
            yield f"{names[row.human_loop_id]}: its {row.kind} is still owed ({row.last_error})"
    owed = Counter((row.human_loop_id, row.kind) for row in facts.owed)
    for name, row in facts.loops.items():
        expected = (int(row.answer_count > 0), 1)
        if (owed[row.id, "output"], owed[row.id, "event"]) != expected:
            yield f"{name}: the outbox has {owed[row.id, 'output']} outputs and {owed[row.id, 'event']} events of it"


def unfinished(database: Database) -> Iterator[str]:
    """Loops that have not ended, and why."""
    with database.read() as connection:
        for row in connection.execute(select(human_loop).where(human_loop.c.ended_at.is_(None))):
            states = connection.execute(select(task.c.state).where(task.c.human_loop_id == row.id)).scalars()
            yield (
                f"{row.name}: is {row.status} with {row.active_count} at work and {row.answer_count} answers; "
                f"its tasks are {sorted(states)}"
            )


def unexpected_log_lines(lines: Iterable[str], *, database_restarts: bool) -> Iterator[str]:
    """Lines that say neither what is usual nor that storage or queue were in trouble, or the database if it was."""
    usual = [
        r"INFO ",
        # Everybody signs in at the same moment.
        r"WARNING review_desk\.requests request refused: Busy$",
        r"WARNING review_desk\.engine\.outbox s3://answers/\S+ could not be written: ",
        r"WARNING review_desk\.engine\.outbox the queue \S+ did not take the event: ",
    ]
    if database_restarts:
        usual += [
            r"WARNING review_desk\.engine\.background .*: the database does not serve: ",
            r"ERROR review_desk\.requests request failed: the database does not serve: ",
            r"Error: The database \S+ does not answer: ",
        ]
    for line in lines:
        text = line
        if line.startswith("{"):
            entry = json.loads(line)
            text = f"{entry['level']} {entry['logger']} {entry['message']}: {entry.get('detail') or entry.get('error')}"
            if "exception" in entry:
                text = f"exception: {text}"
        if not any(re.match(pattern, text) for pattern in usual):
            yield line


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
