"""Answers and drafts of every kind: refused in one clear line, or stored and delivered as JSON that anybody reads."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from fuzzing import HOSTILE_NUMBERS, HOSTILE_TEXTS, ErrorLog, as_json, junk, limits, nested, texts
from hypothesis import given
from hypothesis import strategies as st
from in_process import Answer, PortalHeaders, Served
from review_desk_fixtures import SCOPE

from review_desk.portal.frame import SCRIPT_PATH
from review_desk.storage import Storage


@dataclass
class Worker:
    """A signed-in worker who has a new task whenever one is wanted."""

    served: Served
    headers: PortalHeaders
    names: Iterator[str]
    flow: str

    def ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        return self.served.request(method, f"/portal/api/{path}", body, self.headers)

    def task(self) -> dict[str, Any]:
        name = next(self.names)
        self.served.desk.start(self.flow, name)
        task: dict[str, Any] = self.ask(
            "POST", "tasks/claim", json.dumps({"human_loop": name}).encode()
        ).json()
        return task


class Bucket:
    """Stands for the S3 client: keeps what is put."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Key: str, Body: bytes, **_: str) -> None:  # noqa: N803
        self.objects[Key] = Body


@pytest.fixture(scope="module")
def bucket(served: Served) -> Bucket:
    """Where the desk's outputs go, written as the service writes them."""
    bucket = Bucket()
    storage = Storage(served.desk.service.settings)
    storage._client = bucket
    memory = served.desk.store.put_json

    def put_json(uri: str, document: dict[str, Any], kms_key_id: str | None) -> None:
        storage.put_json(uri, document, kms_key_id)
        memory(uri, document, kms_key_id)

    served.desk.store.put_json = put_json  # type: ignore[method-assign]
    return bucket


@pytest.fixture(scope="module")
def worker(served: Served) -> Worker:
    flow = served.desk.flow("answers")
    return Worker(served, served.sign_in("ann"), (f"answers-{number}" for number in itertools.count()), flow)


def strictly(text: bytes) -> Any:
    """Parse as a strict reader does: UTF-8, no NaN, no halves of surrogate pairs."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} in JSON")

    value = json.loads(text.decode(), parse_constant=refuse)
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return value


def checked(answer: Answer, errors: ErrorLog) -> Any:
    """Check that nothing failed and an error is in the shape that is declared; return the answer."""
    failure = errors.take()
    assert not failure, failure
    assert answer.status < 500
    if answer.status == 204:
        return None
    value = strictly(answer.body)
    if answer.status >= 400:
        assert set(value) - {"draft"} == {"error"}
        assert set(value["error"]) == {"code", "message"}
        assert value["error"]["message"]
        assert len(value["error"]["message"]) < 500
    return value


def submit_everywhere(
    served: Served, errors: ErrorLog, worker: Worker, bucket: Bucket, content: bytes
) -> tuple[int, int]:
    """Save as a draft, submit, read everything back, deliver; return the statuses."""
    task = worker.task()
    path = f"tasks/{task['id']}"
    token = json.dumps(task["lease"]["token"]).encode()
    draft = worker.ask("PUT", f"{path}/draft", b'{"version": 0, "answer": %b}' % content)
    checked(draft, errors)
    saved = checked(worker.ask("GET", path), errors)["draft"]
    assert (saved is not None) == (draft.status == 200)
    checked(worker.ask("PUT", f"{path}/draft", b'{"version": 9, "answer": {}}'), errors)
    checked(worker.ask("GET", "queue"), errors)
    submitted = worker.ask("POST", f"{path}/submit", b'{"lease_token": %b, "answer": %b}' % (token, content))
    checked(submitted, errors)
    if submitted.status != 200:
        checked(worker.ask("POST", f"{path}/submit", b'{"lease_token": %b, "answer": {}}' % token), errors)
    while served.desk.outbox.deliver_due():
        pass
    key = served.desk.loops.describe(SCOPE, task["human_loop"]).output_uri.removeprefix("s3://answers/")
    document = strictly(bucket.objects[key])
    if submitted.status == 200 and saved is not None:
        assert document["humanAnswers"][0]["answerContent"] == saved["answer"]
    assert not errors.take()
    return draft.status, submitted.status


HOSTILE_CONTENTS = (
    *(as_json({"a": text}) for text in HOSTILE_TEXTS),
    *(as_json({text: "a"}) for text in HOSTILE_TEXTS),
    *(as_json({"a": number}) for number in HOSTILE_NUMBERS),
    *(as_json({"a": nested(depth)}) for depth in (1, 98, 99, 100, 101, 500, 990, 1000, 10_000)),
    b'{"a": 1e400}', b'{"a": -1e999}', b'{"a": [{"b": 1E+400}]}', b'{"a": ' + b"9" * 4000 + b"}",
    b'{"a": ' + b"9" * 5000 + b"}",
    b'{"a": 1, "a": 2}', b'{"' + b"k" * 1_000_000 + b'": 1}', b'{"a": "' + b"\\u0000" * 10_000 + b'"}',
    b'{"a": "\xff"}',
    b'{"a": "\\ud83d", "b": "\\ude00"}', b'{"a": "\\ud83d\\ude00"}', b'{"\\ud83d": {"\\ude00": ["\\ud800\\ud800"]}}',
    b"{}", b"[]", b"null", b"1", b'"text"', b"[" * 10_000, b'{"a":' * 10_000, b"", b"{", b"{'a': 1}", b'{"a": 1,}',
    b"{" + b",".join(b'"%d": 1' % number for number in range(20_000)) + b"}",
)  # fmt: skip


@pytest.mark.parametrize("content", HOSTILE_CONTENTS, ids=lambda content: ascii(content[:30])[2:-1])
def test_a_hostile_answer_is_refused_or_delivered(
    served: Served, errors: ErrorLog, worker: Worker, bucket: Bucket, content: bytes
) -> None:
    draft, submitted = submit_everywhere(served, errors, worker, bucket, content)
    assert draft == submitted
    assert draft in (200, 400)


@limits(60)
@given(content=st.dictionaries(texts(), junk(), max_size=4))
def test_any_answer_is_refused_or_delivered(
    served: Served, errors: ErrorLog, worker: Worker, bucket: Bucket, content: dict[str, Any]
) -> None:
    submit_everywhere(served, errors, worker, bucket, as_json(content))


def test_an_answer_keeps_what_unicode_can_say(served: Served, worker: Worker, bucket: Bucket) -> None:
    task = worker.task()
    sent = {
        "whole": "\U0001f600",
        "half": "\ud83d",
        "nul": "a\0b",
        "\udc00": 1,
        "large": 2**70,
        "deep": [[[]]],
    }
    body = json.dumps({"answer": sent, "lease_token": task["lease"]["token"]}).encode()
    assert worker.ask("POST", f"tasks/{task['id']}/submit", body).status == 200
    while served.desk.outbox.deliver_due():
        pass
    uri = served.desk.loops.describe(SCOPE, task["human_loop"]).output_uri
    document = json.loads(bucket.objects[uri.removeprefix("s3://answers/")])
    kept = document["humanAnswers"][0]["answerContent"]
    assert kept == {
        "whole": "\U0001f600", "half": "\ufffd", "nul": "a\0b", "\ufffd": 1, "large": 2**70, "deep": [[[]]],
    }  # fmt: skip


@pytest.mark.parametrize(
    "version",
    [b'"0"', b"true", b"false", b"0.5", b"null", b"-1", b"1e400", b"NaN", b"[]", b"2147483647", b"9" * 5000],
)
def test_a_version_is_a_number_of_a_draft(errors: ErrorLog, worker: Worker, version: bytes) -> None:
    path = f"tasks/{worker.task()['id']}/draft"
    answer = worker.ask("PUT", path, b'{"version": %b, "answer": {}}' % version)
    assert answer.status == 400
    checked(answer, errors)


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=lambda text: ascii(text[:20])[1:-1])
def test_texts_of_every_field_may_be_anything(
    served: Served, errors: ErrorLog, worker: Worker, text: str
) -> None:
    task = worker.task()
    path = f"tasks/{task['id']}"
    written = as_json(text)
    for body in (b'{"human_loop": %b}', b'{"flow_definition": %b}'):
        checked(worker.ask("POST", "tasks/claim", body % written), errors)
    checked(worker.ask("POST", f"{path}/submit", b'{"answer": {}, "lease_token": %b}' % written), errors)
    assert served.request("POST", "/portal/api/login", b'{"username": %b, "password": %b}' % (written, written),
                          {"Content-Type": "application/json"}).status in (400, 401, 429)  # fmt: skip
    checked(
        served.request("POST", "/portal/api/login", b'{"username": "ann", "password": %b}' % written), errors
    )
    name = quote(text, safe="", errors="surrogatepass")
    for method, ending in (("GET", ""), ("PUT", "/draft"), ("POST", "/submit"), ("POST", "/release")):
        checked(
            worker.ask(method, f"tasks/{name}{ending}", b'{"answer": {}, "version": 0, "lease_token": ""}'),
            errors,
        )
    for page in ("static/{}", "static/{}.js", "frame/{}", "media/{}/x", "media/x/{}", "elements/{}"):
        assert served.request("GET", f"/portal/{page.format(name)}").status in (403, 404)
    for header in ("Cookie", "X-CSRF-Token", "Content-Type", "Content-Length", "Host"):
        value = text.encode("latin-1", "replace").decode("latin-1")
        value = f"review_desk_session={value}" if header == "Cookie" else value
        answer = served.request("POST", "/portal/api/tasks/claim", b"{}", {**worker.headers, header: value})
        checked(answer, errors)
    checked(worker.ask("POST", f"{path}/decline", b'{"reason": %b}' % written), errors)
    assert not errors.take()


@pytest.mark.parametrize(
    "host", ["[", "]", "a b", "é", "x;script-src *", "[::1]:8700", "localhost:8700", "", "a" * 3000]
)
def test_a_frame_is_shown_under_any_host_and_keeps_its_policy(
    served: Served, errors: ErrorLog, worker: Worker, host: str
) -> None:
    page = served.request("GET", worker.task()["frame_url"], b"", {"Host": host})
    assert page.status == 200
    assert not errors.take()
    policy = page.headers["content-security-policy"]
    directives = [part.split()[0] for part in policy.split("; ")]
    assert len(directives) == len(set(directives)) == 12
    assert (f"http://{host}/portal/elements/" in policy) == (host in ("[::1]:8700", "localhost:8700"))
    assert SCRIPT_PATH.rsplit("/", 1)[0] in policy
