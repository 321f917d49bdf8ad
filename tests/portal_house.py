"""A service in this process with one of each: workers of every role, a loop and a task of it for every call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
from fastapi.testclient import TestClient
from review_desk_fixtures import SCOPE, Desk

from review_desk.app import create_app
from review_desk.engine.roles import Role
from review_desk.engine.tasks import Task


class House:
    """The callers are ``nobody``, ``worker`` (who holds the task), ``other lead``, ``lead`` and ``admin``."""

    def __init__(self, directory: Path) -> None:
        self.desk = Desk(directory)
        self.desk.team("others")
        self.desk.worker("worker")
        self.desk.worker("other lead", "others", Role.LEAD)
        self.desk.worker("lead", "reviewers", Role.LEAD)
        self.desk.worker("admin", "others", Role.ADMIN)
        self.flow = self.desk.flow()
        self.http = TestClient(create_app(self.desk.service))
        self._loops = 0

    def call(self, method: str, path: str, caller: str, body: Any, *, csrf: bool = True) -> httpx.Response:
        self._loops += 1
        loop = f"loop-{self._loops}"
        self.desk.start(self.flow, loop)
        task = self.desk.tasks.claim(self.desk.worker_id("worker"), loop_name=loop)
        assert isinstance(task, Task)
        self.http.cookies.clear()
        headers = {}
        if caller != "nobody":
            token, headers["X-CSRF-Token"] = self.sign_in(caller)
            self.http.cookies.set("review_desk_session", token)
        filled = path.format(task_id=task.id, name=loop, username="worker", token="x")
        if body is not None:
            body = json.loads(json.dumps(body).replace("{task_id}", task.id).replace("{name}", loop))
        return self.http.request(
            method, filled, json=body, headers=headers if csrf else {}, follow_redirects=False
        )

    def sign_in(self, caller: str) -> tuple[str, str]:
        role = self.desk.service.workers.get(SCOPE, caller).role
        with self.desk.service.database.write() as connection:
            token, session = self.desk.service.sessions.open(
                connection, self.desk.worker_id(caller), caller, role, None
            )
        return token, session.csrf_token

    def close(self) -> None:
        self.desk.service.database.engine.dispose()
