"""The committed API reference is what the docstrings give, and reads as Markdown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.make_api import markdown, pages

FOLDER = Path(__file__).parents[2] / "docs" / "api"


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return pages()


def test_the_committed_pages_are_what_the_docstrings_give(made: dict[str, str]) -> None:
    committed = {path.name: path.read_text() for path in FOLDER.glob("*.md")}
    assert committed == made, "run `make docs` and commit docs/api"


def test_no_restructured_text_is_left(made: dict[str, str]) -> None:
    for name, text in made.items():
        prose = re.sub(r"```python\n.*?```", "", text, flags=re.DOTALL)
        assert not re.findall(r"``|:param|:return|:raises|^\.\. |:[a-z]+:`|::$", prose, re.MULTILINE), name


def test_every_operator_is_there_with_its_parameters(made: dict[str, str]) -> None:
    section = made["operators.md"].split("### `A2ICreateHumanTaskUiOperator`")[1].split("\n### ")[0]
    assert "if_exists: IfExists = 'fail'," in section
    assert "- `aws_conn_id`: The Airflow connection used for AWS credentials." in section
    assert "Returns the ARN of the human task UI." in section


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a ``literal`` and another ``one``", "a `literal` and another `one`"),
        (":class:`airflow.sdk.Context` and :func:`explain`", "`Context` and `explain`"),
        (
            ':external+boto3:py:class:`boto3.client("sagemaker") <SageMaker.Client>`',
            '`boto3.client("sagemaker")`',
        ),
        ("`A2I <https://aws.amazon.com/a2i>`__", "[A2I](https://aws.amazon.com/a2i)"),
        ("so::\n\n    code", "so:\n\n    code"),
        (".. seealso::\n    - :class:`a.B`", "See also:\n\n- `B`"),
    ],
)
def test_restructured_text_becomes_markdown(text: str, expected: str) -> None:
    assert markdown(text) == expected
