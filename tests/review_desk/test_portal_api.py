"""The portal's JSON API over HTTP: the contract of its paths and fields, and who is let in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from support import PASSWORD, Portal, ReviewDesk

TEMPLATE = """
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form>
  <img src="{{ task.input.image | grant_read_access }}"><p>{{ task.input.text }}</p><input name="text">
</crowd-form>
"""


@pytest.fixture(scope="module")
def flow(review_desk_server: ReviewDesk, s3: Any) -> str:
    s3.put_object(Bucket="documents", Key="page 1.png", Body=b"picture", ContentType="image/png")
    s3.put_object(
        Bucket="documents", Key="page.html", Body=b"<script>alert(1)</script>", ContentType="text/html"
    )
    return review_desk_server.create_flow_definition("portal", TEMPLATE)


@pytest.fixture
def start(review_desk_server: ReviewDesk, flow: str) -> Any:
    runtime = review_desk_server.client("sagemaker-a2i-runtime")

    def start_loop(name: str, image: str = "s3://documents/page 1.png") -> None:
        content = json.dumps({"image": image, "text": "<b>bold & brave</b>"})
        runtime.start_human_loop(
            HumanLoopName=name, FlowDefinitionArn=flow, HumanLoopInput={"InputContent": content}
        )

    return start_loop


@pytest.fixture(scope="module")
def portal(review_desk_server: ReviewDesk) -> Portal:
    return review_desk_server.portal("worker-1")


def error_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_a_task_has_exactly_these_fields(portal: Portal, start: Any, flow: str) -> None:
    start("fields")
    task = portal.claim(human_loop="fields").json()
    assert task.keys() == {
        "id", "human_loop", "flow_definition", "title", "instructions", "state", "frame_url", "accepted_at",
        "lease", "draft",
    }  # fmt: skip
    assert (task["human_loop"], task["flow_definition"], task["state"]) == ("fields", flow, "working")
    assert task["lease"].keys() == {"token", "expires_at", "seconds_left", "time_limit_seconds"}
    assert 3500 < task["lease"]["seconds_left"] <= 3600
    assert portal.http.get(f"/portal/api/tasks/{task['id']}").json()["id"] == task["id"]
    queue = portal.http.get("/portal/api/queue").json()
    assert queue.keys() == {"flow_definitions", "working", "done_today"}
    assert queue["flow_definitions"][0].keys() == {
        "flow_definition", "name", "title", "description", "open", "grid",
    }  # fmt: skip
    beat = portal.http.post(f"/portal/api/tasks/{task['id']}/heartbeat").json()
    assert beat["human_loop_status"] == "InProgress"
    assert portal.http.post(f"/portal/api/tasks/{task['id']}/release").status_code == 204


def test_drafts_over_http(portal: Portal, start: Any) -> None:
    start("drafts")
    path = f"/portal/api/tasks/{portal.claim(human_loop='drafts').json()['id']}"
    assert portal.http.put(f"{path}/draft", json={"answer": {"a": "1"}, "version": 0}).json() == {
        "version": 1
    }
    stale = portal.http.put(f"{path}/draft", json={"answer": {"a": "2"}, "version": 0})
    assert error_of(stale) == (409, "StaleDraft")
    assert stale.json()["draft"] == {"answer": {"a": "1"}, "version": 1}
    assert portal.http.get(path).json()["draft"] == {"answer": {"a": "1"}, "version": 1}
    assert portal.http.post(f"{path}/decline", json={"reason": "blurred"}).status_code == 204


def test_reasons_for_no_task(review_desk_server: ReviewDesk, portal: Portal, start: Any) -> None:
    start("reasons")
    task = portal.claim(human_loop="reasons").json()
    other = review_desk_server.portal("worker-2")
    held = other.claim(human_loop="reasons")
    assert (held.status_code, held.headers["X-Review-Desk-Reason"]) == (204, "held")
    assert 3500 < int(held.headers["Retry-After"]) <= 3600
    portal.submit(task, {"text": "x"})
    empty = portal.claim(human_loop="reasons")
    assert (empty.status_code, empty.headers["X-Review-Desk-Reason"]) == (204, "empty")


def test_a_submission_may_claim_the_next_task(review_desk_server: ReviewDesk, portal: Portal) -> None:
    flow = review_desk_server.create_flow_definition("next", "<crowd-form>{{ task.input }}</crowd-form>")
    for name in ("next-1", "next-2"):
        review_desk_server.client("sagemaker-a2i-runtime").start_human_loop(
            HumanLoopName=name, FlowDefinitionArn=flow, HumanLoopInput={"InputContent": "{}"}
        )
    task = portal.claim(human_loop="next-1").json()
    path = f"/portal/api/tasks/{task['id']}/submit"
    body = {"answer": {"text": "x"}, "lease_token": task["lease"]["token"]}

    malformed = portal.http.post(path, json={**body, "claim_next": {"flow_definition": "portal"}})
    assert error_of(malformed) == (400, "Invalid")
    assert portal.http.get(f"/portal/api/tasks/{task['id']}").json()["state"] == "working"

    body["claim_next"] = {"flow_definition": flow}
    answer = portal.http.post(path, json=body).json()
    assert answer.keys() == {"state", "human_loop_status", "next"}
    assert (answer["state"], answer["human_loop_status"]) == ("submitted", "Completed")
    following = answer["next"]["task"]
    assert (following["human_loop"], following["state"]) == ("next-2", "working")
    assert following.keys() == portal.http.get(f"/portal/api/tasks/{following['id']}").json().keys()
    assert httpx.get(f"{portal.http.base_url}{following['frame_url']}").status_code == 200
    # A client whose connection broke sends it again, and has the same task in hand.
    assert portal.http.post(path, json=body).json()["next"]["task"]["id"] == following["id"]
    # The page may come along: what the frame's address answers.
    body["claim_next"]["with_page"] = True
    again = portal.http.post(path, json=body).json()["next"]
    frame = httpx.get(f"{portal.http.base_url}{again['task']['frame_url']}").text
    unsigned = re.compile("/portal/media/[^/]+/")
    assert unsigned.sub("", again["page"]) == unsigned.sub("", frame)

    last = {"answer": {}, "lease_token": following["lease"]["token"], "claim_next": {"flow_definition": flow}}
    ended = portal.http.post(f"/portal/api/tasks/{following['id']}/submit", json=last).json()
    assert ended["next"] == {"reason": "empty", "retry_after": None}


def test_a_grid_over_http(review_desk_server: ReviewDesk, portal: Portal, flow: str) -> None:
    template = '<meta name="review-desk-grid" content="2"><crowd-form>{{ task.input }}</crowd-form>'
    grid = review_desk_server.create_flow_definition("grid", template)
    for number in range(3):
        review_desk_server.client("sagemaker-a2i-runtime").start_human_loop(
            HumanLoopName=f"grid-{number}", FlowDefinitionArn=grid, HumanLoopInput={"InputContent": "{}"}
        )
    flows = portal.http.get("/portal/api/queue").json()["flow_definitions"]
    sizes = {entry["flow_definition"]: entry["grid"] for entry in flows}
    assert (sizes[grid], sizes[flow]) == (2, None)

    def claim(arn: str) -> httpx.Response:
        return portal.http.post("/portal/api/tasks/claim-grid", json={"flow_definition": arn})

    refused = claim(flow)
    assert error_of(refused) == (400, "Invalid")
    tasks = claim(grid).json()["tasks"]
    assert [task["human_loop"] for task in tasks] == ["grid-0", "grid-1"]
    assert len({task["lease"]["token"] for task in tasks}) == 2
    assert tasks[0].keys() == portal.http.get(f"/portal/api/tasks/{tasks[0]['id']}").json().keys()
    for task in tasks:
        assert httpx.get(f"{portal.http.base_url}{task['frame_url']}").status_code == 200
        assert portal.submit(task, {"name": task["human_loop"]}).json()["state"] == "submitted"
    (last,) = claim(grid).json()["tasks"]
    assert last["human_loop"] == "grid-2"
    portal.submit(last, {}).raise_for_status()
    nothing = claim(grid)
    assert (nothing.status_code, nothing.headers["X-Review-Desk-Reason"]) == (204, "empty")


def test_what_comes_with_a_submission_is_only_of_the_workers_teams(
    review_desk_server: ReviewDesk, portal: Portal, start: Any, flow: str
) -> None:
    """Membership is asked for at that moment: who has left a team is not given one of its tasks."""
    review_desk_server.command("team", "create", "elsewhere")
    review_desk_server.add_worker("stranger", "elsewhere")
    review_desk_server.command(
        "worker", "create", "mover", "--team", "reviewers", "--password-stdin", stdin=PASSWORD
    )
    mover = review_desk_server.portal("mover")
    for name in ("left-1", "left-2"):
        start(name)
    task = mover.claim(human_loop="left-1").json()
    review_desk_server.command(
        "worker", "create", "mover", "--team", "elsewhere", "--password-stdin", stdin=PASSWORD
    )
    review_desk_server.command("worker", "remove", "mover", "--team", "reviewers")
    body = {"answer": {}, "lease_token": task["lease"]["token"], "claim_next": {"flow_definition": flow}}
    answer = mover.http.post(f"/portal/api/tasks/{task['id']}/submit", json=body).json()
    assert answer["next"] == {"reason": "empty", "retry_after": None}
    portal.submit(portal.claim(human_loop="left-2").json(), {})


def test_taking_an_answer_back_over_http(review_desk_server: ReviewDesk) -> None:
    arn = review_desk_server.create_flow_definition("twice", TEMPLATE, TaskCount=2)
    review_desk_server.client("sagemaker-a2i-runtime").start_human_loop(
        HumanLoopName="twice-1",
        FlowDefinitionArn=arn,
        HumanLoopInput={"InputContent": json.dumps({"image": "s3://documents/page 1.png"})},
    )
    first, second = (review_desk_server.portal(f"worker-{number}") for number in (1, 2))
    task = first.claim(human_loop="twice-1").json()
    undo = f"/portal/api/tasks/{task['id']}/undo"
    assert first.submit(task, {"text": "x"}).json() == {
        "state": "submitted",
        "human_loop_status": "InProgress",
        "undo_seconds": 10,
    }
    assert error_of(second.http.post(undo)) == (404, "NotFound")
    reopened = first.http.post(undo).json()
    assert reopened.keys() == task.keys()
    assert (reopened["state"], reopened["draft"]) == ("working", {"answer": {"text": "x"}, "version": 1})
    assert first.submit(reopened, {"text": "y"}).json()["undo_seconds"] == 10
    assert (
        "undo_seconds" not in second.submit(second.claim(human_loop="twice-1").json(), {"text": "z"}).json()
    )
    assert error_of(first.http.post(undo)) == (409, "TooLate")


def test_the_own_history_over_http(review_desk_server: ReviewDesk, start: Any, flow: str) -> None:
    review_desk_server.add_worker("historian")
    worker = review_desk_server.portal("historian")
    for name in ("told-1", "told-2"):
        start(name)
        worker.submit(worker.claim(human_loop=name).json(), {})
    page = worker.http.get("/portal/api/history", params={"limit": 1}).json()
    [newest] = page["tasks"]
    assert newest.keys() == {
        "id", "human_loop", "flow_definition", "title", "outcome", "accepted_at", "ended_at", "handling_seconds",
    }  # fmt: skip
    assert (newest["human_loop"], newest["flow_definition"], newest["outcome"]) == (
        "told-2",
        flow,
        "submitted",
    )
    rest = worker.http.get("/portal/api/history", params={"before": page["before"]}).json()
    assert ([task["human_loop"] for task in rest["tasks"]], rest["before"]) == (["told-1"], None)
    assert error_of(worker.http.get("/portal/api/history?before=x")) == (400, "Invalid")
    assert error_of(worker.http.get("/portal/api/history?limit=0")) == (400, "Invalid")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "session"), ("GET", "queue"), ("POST", "tasks/claim"), ("GET", "tasks/x"), ("PUT", "tasks/x/draft"),
        ("POST", "tasks/x/heartbeat"), ("POST", "tasks/x/submit"), ("POST", "tasks/x/release"),
        ("POST", "tasks/x/decline"), ("POST", "tasks/x/undo"), ("GET", "history"), ("POST", "logout"),
    ],
)  # fmt: skip
def test_nothing_without_a_session(review_desk_server: ReviewDesk, method: str, path: str) -> None:
    body = None if method == "GET" else {"answer": {}, "version": 0, "lease_token": "x", "reason": "x"}
    answer = httpx.request(method, f"{review_desk_server.url}/portal/api/{path}", json=body)
    assert error_of(answer) == (401, "SignedOut")


def test_changes_need_the_csrf_token(review_desk_server: ReviewDesk) -> None:
    worker = review_desk_server.portal("worker-2")
    del worker.http.headers["X-CSRF-Token"]
    assert error_of(worker.claim()) == (403, "CsrfTokenMissing")
    worker.http.headers["X-CSRF-Token"] = "guessed"
    assert error_of(worker.claim()) == (403, "CsrfTokenMissing")
    token = worker.http.get("/portal/api/session").json()["csrf_token"]
    worker.http.headers["X-CSRF-Token"] = token
    assert worker.claim(human_loop="none").status_code == 204


def test_another_workers_task_is_not_there(
    review_desk_server: ReviewDesk, portal: Portal, start: Any
) -> None:
    start("mine")
    task = portal.claim(human_loop="mine").json()
    other = review_desk_server.portal("worker-2")
    assert error_of(other.http.get(f"/portal/api/tasks/{task['id']}")) == (404, "NotFound")
    assert error_of(other.submit(task, {})) == (404, "NotFound")
    assert portal.http.post(f"/portal/api/tasks/{task['id']}/release").status_code == 204


def test_signing_in(review_desk_server: ReviewDesk) -> None:
    with httpx.Client(base_url=review_desk_server.url) as http:
        wrong = http.post("/portal/api/login", json={"username": "worker-3", "password": "wrong"})
        unknown = http.post("/portal/api/login", json={"username": "nobody", "password": "wrong"})
        assert wrong.status_code == unknown.status_code == 401
        assert wrong.json() == unknown.json()
        right = http.post("/portal/api/login", json={"username": "worker-3", "password": PASSWORD})
        assert right.json()["worker"] == {"username": "worker-3", "role": "worker", "lead": False}
        cookie = right.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        http.headers["X-CSRF-Token"] = right.json()["csrf_token"]
        assert http.post("/portal/api/logout").status_code == 204
        assert http.get("/portal/api/session").status_code == 401


def test_guessing_passwords_is_slowed_down(review_desk_server: ReviewDesk) -> None:
    review_desk_server.add_worker("target")
    login = f"{review_desk_server.url}/portal/api/login"
    answers = [
        httpx.post(login, json={"username": "target", "password": f"guess {number}"}).status_code
        for number in range(11)
    ]
    assert answers == [401] * 10 + [429]
    assert httpx.post(login, json={"username": "target", "password": PASSWORD}).status_code == 429


def test_wrong_bodies_name_the_field_and_not_the_value(portal: Portal) -> None:
    answer = portal.http.post(
        "/portal/api/tasks/x/submit", json={"answer": "secret text", "lease_token": "x"}
    )
    assert error_of(answer) == (400, "Invalid")
    assert "answer" in answer.json()["error"]["message"]
    assert "secret text" not in answer.text


@pytest.mark.parametrize("stated", [True, False])
def test_large_bodies_are_refused_before_they_are_read_whole(
    review_desk_server: ReviewDesk, stated: bool
) -> None:
    """The rest of a body is never asked for: of 100 MiB at most a few MiB are taken."""
    taken = 0

    def body() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield b" " * 1024 * 1024

    headers = {"Content-Type": "application/json"}
    if stated:
        headers["Content-Length"] = str(100 * 1024 * 1024)
    try:
        answer = httpx.post(f"{review_desk_server.url}/portal/api/login", content=body(), headers=headers)
    except httpx.WriteError:
        assert taken < 20
    else:
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "TooLarge"
    login = {"username": "worker-1", "password": PASSWORD}
    assert httpx.post(f"{review_desk_server.url}/portal/api/login", json=login).status_code == 200


def test_the_frame_is_rendered_escaped_and_caged(portal: Portal, start: Any) -> None:
    start("framed")
    task = portal.claim(human_loop="framed").json()
    frame = httpx.get(f"{portal.http.base_url}{task['frame_url']}")
    assert frame.status_code == 200
    assert "&lt;b&gt;bold &amp; brave&lt;/b&gt;" in frame.text
    assert "assets.crowd.aws" not in frame.text
    assert "/portal/elements/crowd-html-elements.js" in frame.text
    policy = frame.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts allow-forms;")
    assert "allow-same-origin" not in policy
    assert "connect-src 'none'" in policy
    assert f"frame-ancestors {portal.http.base_url}" in policy
    image = frame.text.split('src="')[2].split('"')[0]
    assert image.startswith("/portal/media/")
    document = httpx.get(f"{portal.http.base_url}{image}")
    assert (document.content, document.headers["Content-Type"]) == (b"picture", "image/png")
    assert portal.http.post(f"/portal/api/tasks/{task['id']}/release").status_code == 204


def test_nothing_is_shown_once_the_task_is_given_up(portal: Portal, start: Any) -> None:
    start("given-up")
    task = portal.claim(human_loop="given-up").json()
    frame = f"{portal.http.base_url}{task['frame_url']}"
    image = f"{portal.http.base_url}" + httpx.get(frame).text.split('src="')[2].split('"')[0]
    assert httpx.get(image).status_code == 200
    assert portal.http.post(f"/portal/api/tasks/{task['id']}/release").status_code == 204
    assert httpx.get(image).status_code == 403
    assert httpx.get(frame).status_code == 403


def test_documents_that_could_run_are_only_downloaded(portal: Portal, start: Any) -> None:
    start("html-document", "s3://documents/page.html")
    task = portal.claim(human_loop="html-document").json()
    frame = httpx.get(f"{portal.http.base_url}{task['frame_url']}").text
    document = httpx.get(f"{portal.http.base_url}{frame.split('src=')[2].split(chr(34))[1]}")
    assert document.headers["Content-Disposition"] == "attachment"
    assert "sandbox" in document.headers["Content-Security-Policy"]
    assert portal.http.post(f"/portal/api/tasks/{task['id']}/release").status_code == 204


def test_the_elements_have_an_address_for_each_version(portal: Portal, start: Any) -> None:
    start("versioned")
    task = portal.claim(human_loop="versioned").json()
    page = httpx.get(f"{portal.http.base_url}{task['frame_url']}").text
    assert portal.http.post(f"/portal/api/tasks/{task['id']}/release").status_code == 204
    address = page.split('<script src="')[1].split('"')[0]
    assert re.fullmatch(r"/portal/elements/crowd-html-elements\.js\?v=[0-9a-f]{16}", address)

    script = httpx.get(f"{portal.http.base_url}{address}", headers={"Accept-Encoding": "gzip, br"})
    assert script.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (script.headers["Content-Encoding"], script.headers["Vary"]) == ("gzip", "Accept-Encoding")
    plain = httpx.get(f"{portal.http.base_url}{address}", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.text == script.text
    assert int(script.headers["Content-Length"]) < len(plain.content) / 2
    for other in (address.split("?")[0], address[:-1], address + "0"):
        assert httpx.get(f"{portal.http.base_url}{other}").headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["/portal/frame/forged", "/portal/media/forged/page.png"])
def test_forged_links_open_nothing(review_desk_server: ReviewDesk, path: str) -> None:
    assert httpx.get(f"{review_desk_server.url}{path}").status_code == 403


def test_a_frame_link_is_no_media_link(portal: Portal, start: Any) -> None:
    start("purpose")
    task = portal.claim(human_loop="purpose").json()
    token = task["frame_url"].rsplit("/", 1)[-1]
    assert httpx.get(f"{portal.http.base_url}/portal/media/{token}/x").status_code == 403
    assert portal.http.post(f"/portal/api/tasks/{task['id']}/release").status_code == 204


def test_static_files_only(review_desk_server: ReviewDesk) -> None:
    page = httpx.get(f"{review_desk_server.url}/portal/")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    for name in ("..%2Fapi.py", "%2e%2e/api.py", "index.py"):
        assert httpx.get(f"{review_desk_server.url}/portal/static/{name}").status_code == 404
