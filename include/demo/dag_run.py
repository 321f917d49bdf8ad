"""One Dag run of the demo over the sample forms: begun or taken up again, followed, reported."""

from __future__ import annotations

import json
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from a2i.naming import human_loop_prefix
from include.demo import report
from include.demo.airflow_api import FINAL_STATES, AirflowApi, TaskState
from include.demo.credentials import PERSON_NAMES, REVIEWER_NAMES
from include.demo.forms import Form, digest_of
from include.demo.progress import LoopCounts, RunProgress
from include.demo.reviewers import Behaviour, SimulatedReviewers
from include.demo.settings import BUCKET, DAG_ID, DemoError, Settings
from include.demo.stack import Stack
from include.demo.terminal import Terminal

REPORT_FILE = "demo-report.json"
START_TASK, RESULTS_TASK = "start_reviews", "write_results"
MAX_STANDSTILL = 600.0
"""Seconds without any change after which the demo with simulated reviewers gives up."""

OUTPUT_PREFIX = f"s3://{BUCKET}/results"


def input_prefix(forms: list[Form]) -> str:
    """Where these forms are in the local S3."""
    return f"s3://{BUCKET}/forms/{digest_of(forms)}/"


def airflow_api(stack: Stack) -> AirflowApi:
    """Sign in to the stack's Airflow."""
    return AirflowApi(stack.settings.airflow_url, "admin", stack.credentials.airflow_password)


class DemoRun:
    """One Dag run over the sample forms: begun or taken up again, followed, reported."""

    def __init__(self, stack: Stack, settings: Settings, terminal: Terminal, forms: list[Form]) -> None:
        self._stack, self._settings, self._terminal = stack, settings, terminal
        self._truth = {form.file_name: form.truth for form in forms}
        self._prefix = input_prefix(forms)
        self._run_id = (
            f"demo-{digest_of(forms)}-{settings.reviewers}-t{settings.threshold:g}"
            f"-n{settings.reviewers_per_form}-r{settings.round}"
        )
        self._api = airflow_api(stack)
        self._a2i = stack.client("sagemaker-a2i-runtime")
        self._progress = RunProgress(documents=len(forms))
        self._loops_before: int | None = None
        self._reviewers: SimulatedReviewers | None = None
        self._invited = False

    def close(self) -> None:
        """Let the reviewers go and close the connections."""
        if self._reviewers:
            self._reviewers.stop()
        self._api.close()

    def begin(self) -> None:
        """Trigger the run; or follow, repair or repeat the one that an earlier demo left."""
        self._api.wait_for_dag(DAG_ID, self._settings.start_timeout)
        self._api.unpause(DAG_ID)
        state = self._api.run_state(DAG_ID, self._run_id)
        self._loops_before = 0 if state is None else self._count_loops().started
        if state is None:
            self._terminal.phase(f"Dag {DAG_ID}: starting run {self._run_id}")
            self._api.trigger(DAG_ID, self._run_id, self._params())
        elif state == "failed":
            self._terminal.phase(f"Dag {DAG_ID}: run {self._run_id} had failed; doing its failed tasks again")
            self._api.clear(DAG_ID, self._run_id, only_failed=True)
        elif state == "success":
            self._terminal.phase(f"Dag {DAG_ID}: run {self._run_id} was complete; doing it again")
            self._api.clear(DAG_ID, self._run_id, only_failed=False)
            self._terminal.note(
                "The same forms keep their reviews; ROUND=2 has people look at them once more."
            )
        else:
            self._terminal.phase(f"Dag {DAG_ID}: going on with run {self._run_id}")
        self._terminal.note(
            f"Airflow shows it at {self._settings.airflow_url}/dags/{DAG_ID}/runs/{self._run_id}"
        )
        self._introduce_reviewers()

    def follow(self) -> None:
        """Show how far the run is until its end.

        :raises DemoError: it fails, or stands still for ten minutes under simulated reviewers.
        """
        changed = time.monotonic()
        while True:
            self._stack.check()
            state = self._api.run_state(DAG_ID, self._run_id)
            tasks = self._api.tasks(DAG_ID, self._run_id)
            if self._progress.update(tasks, self._count_loops()):
                changed = time.monotonic()
            self._tell_problems(tasks)
            self._invite()
            if state in FINAL_STATES:
                break
            self._terminal.progress(self._progress.line())
            if self._reviewers and time.monotonic() - changed > MAX_STANDSTILL:
                raise DemoError(
                    f"nothing has changed for {MAX_STANDSTILL:g} seconds: {self._progress.line()}. "
                    f"See the logs in {self._settings.build / 'logs'}."
                )
            time.sleep(1)
        if state == "failed":
            raise DemoError(self._api.why_failed(DAG_ID, self._run_id))
        self._terminal.say(f"{self._terminal.seconds:5.0f} s  {self._progress.line()}")

    def finish(self) -> None:
        """Compare the results with the truth, print the table and write the report."""
        results_uri = self._api.returned(DAG_ID, self._run_id, RESULTS_TASK)["results_uri"]
        results = self._read_results(results_uri)
        try:
            rows = report.compare(results, self._truth, self._settings.threshold)
        except ValueError as error:
            raise DemoError(f"{results_uri}: {error}") from None
        counts = report.totals(rows, results)
        new_loops = counts["human_loops_started"] - (self._loops_before or 0)
        reviewer = "simulated reviewer" if self._settings.reviewers == "simulated" else "reviewer"
        self._terminal.phase(
            "Fields right, compared with what is really on the forms (exactly, but for blanks)"
        )
        self._terminal.say(f"\n{report.table(rows, reviewer)}\n")
        for sentence in self._sentences(counts, new_loops):
            self._terminal.say(f"  {sentence}")
        path = self._settings.build / REPORT_FILE
        report.write_report(path, self._report(counts, new_loops, results_uri))
        self._terminal.say(f"  Results  {results_uri}\n  Report   {path}\n")

    def _params(self) -> dict[str, Any]:
        return {
            "input_prefix": self._prefix,
            "output_prefix": OUTPUT_PREFIX,
            "confidence_threshold": self._settings.threshold,
            "reviewers_per_form": self._settings.reviewers_per_form,
            "round": self._settings.round,
        }

    def _introduce_reviewers(self) -> None:
        settings = self._settings
        if settings.reviewers == "me":
            self._terminal.note("You are the reviewer: the portal's address follows when forms wait for you")
            return
        self._terminal.note(
            f"Three simulated reviewers work in the portal; they mistype {settings.error_rate:.0%} of the fields"
        )
        accounts = dict.fromkeys(REVIEWER_NAMES, self._stack.credentials.simulated_password)
        behaviour = Behaviour(
            settings.error_rate,
            settings.think_seconds,
            settings.seed,
            alike=settings.reviewers_per_form == 1,
        )
        self._reviewers = SimulatedReviewers(settings.review_desk_url, accounts, self._truth, behaviour)
        self._reviewers.start()

    def _invite(self) -> None:
        waiting = self._progress.loops.open
        if self._reviewers or self._invited or not waiting:
            return
        self._invited = True
        settings = self._settings
        self._terminal.phase(f"{waiting} forms wait for you" if waiting > 1 else "A form waits for you")
        self._terminal.note(f"Open     {settings.portal_url}")
        self._terminal.note(
            f"Sign in  user {PERSON_NAMES[0]}, password {self._stack.credentials.reviewer_password}"
        )
        if settings.reviewers_per_form > 1:
            others = " and ".join(PERSON_NAMES[1 : settings.reviewers_per_form])
            self._terminal.note(
                f"Every form needs {settings.reviewers_per_form} people: sign in as {others}, too"
            )
        self._terminal.note(
            "The demo goes on when every form is answered; Ctrl-C stops it, and it can be taken up later"
        )

    def _tell_problems(self, tasks: list[TaskState]) -> None:
        for task in self._progress.new_retries(tasks):
            cause = self._api.last_error(DAG_ID, self._run_id, task)
            self._terminal.note(f"Task {task.task_id} failed and is tried again: {cause}")
        for problem in self._reviewers.tally.new_problems() if self._reviewers else ():
            self._terminal.note(problem)

    def _count_loops(self) -> LoopCounts:
        """Count the run's human loops; while Review Desk is away, the last counts stay."""
        batch = self._api.returned(DAG_ID, self._run_id, START_TASK) or self._progress.batch
        if not batch:
            return self._progress.loops
        self._progress.batch = batch
        prefix = human_loop_prefix(batch["batch_id"])
        try:
            pages = self._a2i.get_paginator("list_human_loops").paginate(
                FlowDefinitionArn=batch["flow_definition_arn"]
            )
            statuses = [
                loop["HumanLoopStatus"]
                for page in pages
                for loop in page["HumanLoopSummaries"]
                if loop["HumanLoopName"].startswith(prefix)
            ]
        except (BotoCoreError, ClientError):
            return self._progress.loops
        return LoopCounts(len(statuses), statuses.count("Completed"), statuses.count("InProgress"))

    def _read_results(self, uri: str) -> list[dict[str, Any]]:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body = self._stack.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return [json.loads(line) for line in body.decode().splitlines() if line.strip()]

    def _sentences(self, counts: dict[str, int], new_loops: int) -> list[str]:
        settings = self._settings
        sure = counts["documents"] - counts["documents_reviewed"]
        told = [
            f"{sure} of {counts['documents']} forms needed nobody: every field at or above {settings.threshold:g} %.",
        ]
        if wrong := counts["fields_wrong_unseen"]:
            told.append(
                f"{wrong} field{'s are' if wrong > 1 else ' is'} wrong there all the same: the OCR was sure, and "
                "nobody looked. Only checking a sample of the sure forms finds such fields."
            )
        if settings.reviewers == "simulated":
            told.append(f"Simulated reviewers answered, mistyping {settings.error_rate:.0%} of the fields.")
        if new_loops <= 0:
            told.append("Nothing new was started: every form's review was there already.")
        return told

    def _report(self, counts: dict[str, int], new_loops: int, results_uri: str) -> dict[str, Any]:
        settings = self._settings
        simulated = settings.reviewers == "simulated"
        return {
            **counts,
            "human_loops_new": max(0, new_loops),
            "seconds": round(self._terminal.seconds, 1),
            "results_uri": results_uri,
            "reviewers": "simulated" if simulated else "people",
            "simulated_error_rate": settings.error_rate if simulated else None,
            "comparison": "exact match with the known truth after trimming blanks at both ends",
            "confidence_threshold": settings.threshold,
            "reviewers_per_form": settings.reviewers_per_form,
            "seed": settings.seed,
            "round": settings.round,
            "dag_run_id": self._run_id,
        }
