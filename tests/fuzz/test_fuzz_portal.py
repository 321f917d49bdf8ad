"""The portal's JSON API against its own OpenAPI document: what it answers is what it says it answers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import requests
import schemathesis
from fuzzing import HOSTILE_TEXTS, ErrorLog, as_json, limits
from hypothesis import given
from hypothesis import strategies as st
from in_process import HOST, PortalHeaders, Served
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi import checks

from review_desk.engine.roles import Role
from review_desk.portal.schema import describe_as_openapi

CONFORMANCE = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
]

LABELS = (
    "GET /portal/api/sign-in-methods",
    "POST /portal/api/login",
    "GET /portal/api/session",
    "POST /portal/api/logout",
    "PUT /portal/api/password",
    "GET /portal/api/queue",
    "GET /portal/api/history",
    "GET /portal/api/preferences",
    "PUT /portal/api/preferences",
    "GET /portal/api/template-preferences",
    "PATCH /portal/api/template-preferences",
    "DELETE /portal/api/template-preferences",
    "POST /portal/api/tasks/claim",
    "POST /portal/api/tasks/claim-grid",
    "POST /portal/api/tasks/offer",
    "GET /portal/api/tasks/{task_id}",
    "PUT /portal/api/tasks/{task_id}/draft",
    "POST /portal/api/tasks/{task_id}/heartbeat",
    "POST /portal/api/tasks/{task_id}/submit",
    "POST /portal/api/tasks/{task_id}/extend",
    "POST /portal/api/tasks/{task_id}/undo",
    "POST /portal/api/tasks/{task_id}/release",
    "POST /portal/api/tasks/{task_id}/decline",
    "POST /portal/api/tasks/{task_id}/requeue",
    "POST /portal/api/tasks/{task_id}/reassign",
    "POST /portal/api/tasks/requeue",
    "GET /portal/api/teams",
    "GET /portal/api/report",
    "GET /portal/api/report.csv",
    "GET /portal/api/loops",
    "GET /portal/api/loops.csv",
    "POST /portal/api/loops/stop",
    "POST /portal/api/loops/requeue",
    "GET /portal/api/loops/{name}",
    "POST /portal/api/loops/{name}/stop",
    "GET /portal/api/workers",
    "POST /portal/api/workers",
    "PATCH /portal/api/workers/{username}",
    "GET /portal/api/audit",
)
FLOW = b"arn:aws:sagemaker:us-east-1:000000000000:flow-definition/portal"
OPEN_TO_ALL = LABELS[:2]
OFTEN = ("PUT /portal/api/tasks/{task_id}/draft", *["POST /portal/api/tasks/{task_id}/submit"] * 3)
ON_TASKS = tuple(label for label in LABELS if "{task_id}" in label or "{name}" in label)
MODES = (GenerationMode.POSITIVE, GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@pytest.fixture(scope="module")
def schema(served: Served) -> Any:
    return schemathesis.openapi.from_dict(served.app.openapi())


@pytest.fixture(scope="module")
def admin(served: Served) -> PortalHeaders:
    """An admin, who may do everything, and a colleague to be changed."""
    served.desk.worker("boss", role=Role.ADMIN)
    served.desk.worker("colleague")
    return served.sign_in("boss")


@pytest.fixture(scope="module")
def loops(served: Served) -> Iterator[str]:
    """Names of new human loops, as many as are wanted."""
    arn = served.desk.flow("portal")

    def start() -> Iterator[str]:
        for number in itertools.count():
            served.desk.start(arn, f"portal-{number}")
            yield f"portal-{number}"

    return start()


def cases(schema: Any, label: str, mode: GenerationMode) -> st.SearchStrategy[Case]:
    """Requests of an operation, such as its description allows, or such as it does not."""
    operations = {found.ok().label: found.ok() for found in schema.get_all_operations()}
    strategy: st.SearchStrategy[Case] = operations[label].as_strategy(generation_mode=mode)
    return strategy


def send(served: Served, case: Case, headers: PortalHeaders | None = None) -> httpx.Response:
    """Send a generated request with a worker's credentials, or with none."""
    sent = case.as_transport_kwargs(base_url=f"http://{HOST}")
    sent["cookies"] = None
    sent["headers"] = {**sent["headers"], **(headers or {})}
    if headers is None:
        sent["headers"].pop("X-CSRF-Token", None)
    prepared = requests.Request(**sent).prepare()
    body = prepared.body or b""
    answer = served.request(
        case.method,
        prepared.path_url,
        body.encode() if isinstance(body, str) else body,
        {name: str(value) for name, value in prepared.headers.items()},
    )
    request = httpx.Request(case.method, prepared.url or "")
    response = httpx.Response(answer.status, headers=answer.headers, content=answer.body, request=request)
    response.elapsed = timedelta(0)
    return response


def check(case: Case, response: httpx.Response, errors: ErrorLog) -> None:
    failure = errors.take()
    assert not failure, failure
    case.validate_response(response, checks=CONFORMANCE)
    assert response.headers["x-request-id"]
    body = case.meta and case.meta.components.get(ParameterLocation.BODY)
    if body and body.mode is GenerationMode.NEGATIVE:
        case.validate_response(response, checks=[checks.negative_data_rejection])


def test_the_description_is_of_the_json_api_and_nothing_else(served: Served, schema: Any) -> None:
    assert {found.ok().label for found in schema.get_all_operations()} == set(LABELS)
    described = json.dumps(describe_as_openapi(served.app))
    for name in ("422", "HTTPValidationError", "/human-loops", "/portal/frame", "/healthz"):
        assert name not in described
    assert served.request("GET", "/openapi.json").status == 404


@pytest.mark.parametrize(
    ("label", "mode"),
    # The first takes nothing, so nothing about it can be wrong.
    [(label, mode) for label in LABELS for mode in GenerationMode if (label, mode) != (LABELS[0], MODES[-1])],
)
def test_each_operation_answers_as_it_is_described(
    served: Served, errors: ErrorLog, schema: Any, admin: PortalHeaders, label: str, mode: GenerationMode
) -> None:
    headers = served.sign_in("boss") if label.endswith("/logout") else admin

    @limits(25)
    @given(case=cases(schema, label, mode), real=st.booleans())
    def run(case: Case, real: bool) -> None:
        if real and "username" in case.path_parameters:
            case.path_parameters["username"] = "colleague"
        check(case, send(served, case, headers), errors)

    run()


@pytest.mark.parametrize("label", [label for label in LABELS if label not in OPEN_TO_ALL])
def test_nobody_gets_in_without_signing_in(served: Served, errors: ErrorLog, schema: Any, label: str) -> None:
    @limits(15)
    @given(case=st.sampled_from(list(GenerationMode)).flatmap(lambda mode: cases(schema, label, mode)))
    def run(case: Case) -> None:
        response = send(served, case)
        check(case, response, errors)
        assert response.status_code in (400, 401, 404, 405)

    run()


def test_the_way_of_a_task_stays_as_described_whatever_is_sent_between(
    served: Served, errors: ErrorLog, schema: Any, admin: PortalHeaders, loops: Iterator[str]
) -> None:
    """Claim, then several requests on that task: generated ones, some with the lease and the version put right."""
    reached = set()
    step = st.tuples(
        st.tuples(st.sampled_from((*ON_TASKS, *OFTEN)), st.sampled_from(MODES)).flatmap(
            lambda drawn: cases(schema, drawn[0], drawn[1])
        ),
        st.sampled_from((True, True, False)),
    )

    @limits(80)
    @given(steps=st.lists(step, min_size=1, max_size=5))
    def run(steps: list[tuple[Case, bool]]) -> None:
        wanted = json.dumps({"human_loop": next(loops)}).encode()
        task = served.request("POST", "/portal/api/tasks/claim", wanted, admin).json()
        real = {"task_id": task["id"], "name": task["human_loop"]}
        for case, put_right in steps:
            case.path_parameters |= {name: real[name] for name in case.path_parameters}
            generated_right = case.meta and case.meta.generation.mode is GenerationMode.POSITIVE
            if put_right and generated_right and isinstance(case.body, dict):
                draft = served.request("GET", f"/portal/api/tasks/{task['id']}", b"", admin).json()["draft"]
                right = {"lease_token": task["lease"]["token"], "version": draft["version"] if draft else 0}
                case.body = {name: right.get(name, value) for name, value in case.body.items()}
            response = send(served, case, admin)
            check(case, response, errors)
            reached.add((case.operation.label.rsplit("/", 1)[1], response.status_code))

    run()
    assert reached >= {("draft", 200), ("submit", 200), ("release", 204), ("decline", 204)}
    assert 409 in {status for _, status in reached}


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=lambda text: ascii(text[:20])[1:-1])
def test_what_leads_and_admins_look_for_may_be_anything(
    served: Served, errors: ErrorLog, admin: PortalHeaders, text: str
) -> None:
    name, written = quote(text, safe="", errors="surrogatepass"), as_json(text)
    long_enough = as_json("a long enough password")
    requests = [
        ("GET", f"loops?name={name}", b""),
        ("GET", f"loops?flow_definition={name}", b""),
        ("GET", f"loops?before={name}", b""),
        ("GET", f"loops?limit={name}", b""),
        ("GET", f"history?before={name}", b""),
        ("GET", f"history?limit={name}", b""),
        ("GET", f"loops/{name}", b""),
        ("GET", f"loops/loop-1?region={name}", b""),
        ("POST", f"loops/{name}/stop", b""),
        ("POST", f"tasks/{name}/requeue", b""),
        ("POST", f"tasks/{name}/reassign", b'{"username": "colleague"}'),
        ("POST", "tasks/loop-1/reassign", b'{"username": %b}' % written),
        ("POST", "tasks/requeue", b'{"task_ids": [%b]}' % written),
        ("POST", "loops/requeue", b'{"names": [%b]}' % written),
        ("POST", "loops/stop", b'{"names": [%b], "region": %b}' % (written, written)),
        ("GET", f"loops.csv?name={name}", b""),
        ("PATCH", "template-preferences", b'{"flow_definition": %b, "changes": {}}' % written),
        (
            "PATCH",
            "template-preferences",
            b'{"flow_definition": "%b", "changes": {%b: %b}}' % (FLOW, written, written),
        ),
        ("GET", f"report?flow_definition={name}", b""),
        ("GET", f"report.csv?team={name}", b""),
        ("GET", f"report?days={name}", b""),
        ("GET", f"audit?since={name}", b""),
        ("GET", f"audit?actor={name}&action={name}", b""),
        ("PATCH", f"workers/{name}", b'{"disabled": true}'),
        ("PATCH", "workers/colleague", b'{"teams": [%b]}' % written),
        ("PATCH", "workers/colleague", b'{"email": %b}' % written),
        ("PUT", "password", b'{"current": %b, "new": %b}' % (written, written)),
        ("PATCH", "workers/colleague", b'{"role": %b, "disabled": %b}' % (written, written)),
        ("POST", "workers", b'{"username": %b, "password": %b}' % (written, long_enough)),
        ("POST", "workers", b'{"username": "x", "password": %b, "teams": [%b]}' % (long_enough, written)),
        ("POST", "workers", b'{"username": "x", "password": %b}' % written),
    ]
    for method, path, body in requests:
        answer = served.request(method, f"/portal/api/{path}", body, admin)
        failure = errors.take()
        assert not failure, f"{method} {path} {body!r}\n{failure}"
        assert answer.status < 500
        if answer.status >= 400:
            assert answer.json()["error"].keys() == {"code", "message"}


def test_times_and_numbers_of_lists_may_be_anything(
    served: Served, errors: ErrorLog, admin: PortalHeaders
) -> None:
    for value in (
        "0001-01-01T00:00:00%2B23:59",
        "9999-12-31T23:59:59-23:59",
        "1e400",
        "-1",
        "9" * 30,
        "253402300800",
    ):
        assert served.request("GET", f"/portal/api/audit?since={value}", b"", admin).status in (200, 400)
        assert served.request("GET", f"/portal/api/audit?before={value}", b"", admin).status in (200, 400)
        assert served.request("GET", f"/portal/api/loops?before={value}", b"", admin).status in (200, 400)
        failure = errors.take()
        assert not failure, f"{value}\n{failure}"
