"""What the fuzz tests share: how long they run, what they send, and what every answer must be like."""

from __future__ import annotations

import json
import logging
import os
import re
from typing import Any

from botocore.model import OperationModel
from botocore.parsers import create_parser
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from in_process import Answer

from review_desk.api.errors import ApiError
from review_desk.logs import JsonFormatter

FACTOR = int(os.environ.get("FUZZ_FACTOR", "1"))
"""1 tries the same examples each time; a larger number tries as many times more, new ones each time."""

NESTED = re.compile(rb'"@nested (\d+)@"')

HOSTILE_TEXTS = (
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\udfffa",
    "\ud83d\ude00",
    "é",
    "٣",
    "²",
    "\n",
    "\r\n",
    "\u2028",
    "\ufeff",
    "a/b",
    "../x",
    "%00",
    "{{",
    "'",
    '"',
    "a" * 64,
    "a" * 5000,
    "-" * 5000,
    "9" * 5000,
    "NaN",
    "1e400",
    "null",
    "arn:aws:sagemaker:us-east-1:000000000000:flow-definition/\0",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "10000-01-01",
    "99999999999999999999",
)
HOSTILE_NUMBERS = (
    0, -1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, 10**400, 0.5, -0.0, 1e308,
    float("nan"), float("inf"), float("-inf"),
)  # fmt: skip


def limits(examples: int) -> settings:
    """Settings of a test that tries so many examples in an ordinary run."""
    return settings(
        max_examples=examples * FACTOR,
        derandomize=FACTOR == 1,
        database=None,
        deadline=None,
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


def nested(depth: int) -> str:
    """Return what :func:`as_json` writes as lists in lists, deeper than Python's own writer could."""
    return f"@nested {depth}@"


def texts() -> st.SearchStrategy[str]:
    """Texts of every kind, halves of surrogate pairs and NUL among them."""
    return st.one_of(
        st.sampled_from(HOSTILE_TEXTS), st.text(st.characters(exclude_categories=()), max_size=20)
    )


def junk() -> st.SearchStrategy[Any]:
    """Anything that JSON can say, and NaN."""
    scalars = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(HOSTILE_NUMBERS), texts()
    )
    trees = st.recursive(
        scalars,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts(), inner, max_size=3)),
        max_leaves=8,
    )
    return st.one_of(trees, st.sampled_from((30, 99, 100, 101, 300)).map(nested))


def as_json(value: Any) -> bytes:
    """Write a value as JSON; texts that are no Unicode become escapes."""
    return NESTED.sub(lambda found: b"[" * int(found[1]) + b"]" * int(found[1]), json.dumps(value).encode())


class ErrorLog(logging.Handler):
    """Collects what the service logs as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []
        self.setFormatter(JsonFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def take(self) -> str:
        """Return what came since the last time, for a message."""
        lines, self.lines = self.lines, []
        return "\n".join(json.loads(line).get("exception", line) for line in lines)


def check_api_answer(
    answer: Answer, operation: OperationModel, errors: ErrorLog, *, protocol: str
) -> dict[str, Any]:
    """Check that a stock client can read the answer, and that nothing of ours failed; return what it reads."""
    failure = errors.take()
    assert not failure, failure
    assert answer.status < 500
    assert answer.headers["x-amzn-requestid"]
    response = {"status_code": answer.status, "headers": answer.headers, "body": answer.body}
    parsed: dict[str, Any] = create_parser(protocol).parse(response, operation.output_shape)
    if answer.status < 300:
        assert "Error" not in parsed
    else:
        assert parsed["Error"]["Code"] in ApiError.STATUS, parsed
        assert parsed["Error"]["Message"]
        assert len(parsed["Error"]["Message"]) <= 1024
        assert ApiError.STATUS[parsed["Error"]["Code"]] == answer.status
    return parsed
