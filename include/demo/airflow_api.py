"""What the demo asks of Airflow's REST API: start a Dag run, follow it, say why it failed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import httpx

from include.demo.settings import DemoError

FINAL_STATES = ("success", "failed")


@dataclass(frozen=True)
class TaskState:
    """A task instance: its id, state (None: not begun) and the number of its last try."""

    task_id: str
    state: str | None
    try_number: int


class AirflowApi:
    """A signed-in client; requests are repeated for ``patience`` seconds while the API server is away."""

    def __init__(self, url: str, username: str, password: str, *, patience: float = 60) -> None:
        self._credentials = {"username": username, "password": password}
        self._patience = patience
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=20)
        self._token = ""

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def wait_for_dag(self, dag_id: str, deadline: float) -> None:
        """Wait until the Dag is known.

        :param deadline: seconds.
        :raises DemoError: its file cannot be imported (with the error's last line), or it does not appear.
        """
        end = time.monotonic() + deadline
        while self._call("GET", f"/api/v2/dags/{dag_id}").status_code == 404:
            for error in self._call("GET", "/api/v2/importErrors").json().get("import_errors", []):
                if f"{dag_id}.py" in error["filename"]:
                    cause = error["stack_trace"].strip().splitlines()[-1]
                    raise DemoError(f"Airflow cannot import {error['filename']}: {cause}")
            if time.monotonic() > end:
                raise DemoError(f"Airflow did not find the Dag {dag_id} within {deadline:g} seconds.")
            time.sleep(0.5)

    def unpause(self, dag_id: str) -> None:
        """Let the Dag run."""
        self._checked("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})

    def run_state(self, dag_id: str, run_id: str) -> str | None:
        """The run's state, or None if there is no such run."""
        answer = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")
        return None if answer.status_code == 404 else str(_content(answer)["state"])

    def trigger(self, dag_id: str, run_id: str, params: dict[str, Any]) -> None:
        """Start a run; one that is there already is left as it is."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": params}
        answer = self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)
        if answer.status_code != 409:
            _content(answer)

    def clear(self, dag_id: str, run_id: str, *, only_failed: bool) -> None:
        """Have the run's tasks, or its failed ones only, done once more."""
        body = {"dry_run": False, "only_failed": only_failed}
        self._checked("POST", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/clear", body)

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        """The run's task instances."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        found = self._checked("GET", path)["task_instances"]
        return [TaskState(item["task_id"], item["state"], item["try_number"]) for item in found]

    def returned(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What a task returned, or None."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        answer = self._call("GET", path)
        return None if answer.status_code == 404 else _content(answer)["value"]

    def why_failed(self, dag_id: str, run_id: str) -> str:
        """The failed tasks, each with the last line of its log that tells an error."""
        causes = [
            f"task {task.task_id} failed: {self.last_error(dag_id, run_id, task)}"
            for task in self.tasks(dag_id, run_id)
            if task.state == "failed"
        ]
        return "\n".join(causes) or "no task is marked as failed"

    def last_error(self, dag_id: str, run_id: str, task: TaskState) -> str:
        """What the log of a task's last try says about its end, in one line."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task.task_id}/logs/{task.try_number}"
        answer = self._call("GET", path, accept="application/json")
        if answer.status_code != 200:
            return "its log cannot be read"
        entries = answer.json().get("content") or []
        return cause_in_log(entries) or "its log is empty"

    def _checked(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return _content(self._call(method, path, body))

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, accept: str = "application/json"
    ) -> httpx.Response:
        end = time.monotonic() + self._patience
        while True:
            answer = self._try(method, path, body, accept)
            if isinstance(answer, httpx.Response):
                return answer
            if time.monotonic() > end:
                raise DemoError(f"Airflow's API server does not answer at {self._http.base_url}: {answer}")
            time.sleep(0.5)

    def _try(self, method: str, path: str, body: dict[str, Any] | None, accept: str) -> httpx.Response | str:
        try:
            if not self._token:
                answer = self._http.post("/auth/token", json=self._credentials)
                if answer.status_code != 201:
                    return f"sign-in gave status {answer.status_code}"
                self._token = answer.json()["access_token"]
            headers = {"Authorization": f"Bearer {self._token}", "Accept": accept}
            answer = self._http.request(method, path, json=body, headers=headers)
        except httpx.TransportError as error:
            return str(error) or type(error).__name__
        if answer.status_code == 401:
            self._token = ""
        return f"status {answer.status_code}" if answer.status_code in (401, 500, 502, 503, 504) else answer


def cause_in_log(entries: list[Any]) -> str:
    """The last line of a task's log that tells an error, or else the last line; "" for an empty log."""
    lines = [entry if isinstance(entry, dict) else {"event": str(entry)} for entry in entries]
    lines = [line for line in lines if str(line.get("event", "")).strip()]
    errors = [line for line in lines if str(line.get("level", "")).lower() in ("error", "critical")]
    # Airflow's own closing line tells nothing of the cause.
    errors = [line for line in errors if line["event"] != "Task exited"] or errors
    if not lines:
        return ""
    last = (errors or lines)[-1]
    detail = last.get("error_detail") or []
    causes = [
        f"{item.get('exc_type')}: {item.get('exc_value')}"
        for item in detail
        if isinstance(item, dict) and item.get("exc_type")
    ]
    return " ".join((causes[-1] if causes else str(last["event"])).split())


def _content(answer: httpx.Response) -> Any:
    if answer.is_success:
        return answer.json()
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = answer.text[:300]
    raise DemoError(
        f"Airflow refused {answer.request.method} {answer.request.url.path} ({answer.status_code}): {detail}"
    )
