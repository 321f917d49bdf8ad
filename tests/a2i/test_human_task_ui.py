"""A2ICreateHumanTaskUiOperator against Review Desk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from a2i_support import task_context

from a2i.exceptions import A2IUserError
from a2i.naming import versioned_name
from a2i.operators.human_task_ui import A2ICreateHumanTaskUiOperator

pytestmark = pytest.mark.usefixtures("aws")

TEMPLATE = "<crowd-form><p>{{ task.input.text }}</p><input name='category'></crowd-form>"


def create(**arguments: Any) -> str:
    operator = A2ICreateHumanTaskUiOperator(task_id="ui", **{"template": TEMPLATE, **arguments})
    return str(operator.execute(task_context()))


def test_create_and_fail_on_the_second_time() -> None:
    assert create(human_task_ui_name="forms").endswith(":human-task-ui/forms")
    with pytest.raises(A2IUserError, match=r"^There is a human task UI 'forms' already: use another name"):
        create(human_task_ui_name="forms")


def test_reuse_takes_the_same_template_only() -> None:
    arn = create(human_task_ui_name="reused", if_exists="reuse")
    assert create(human_task_ui_name="reused", if_exists="reuse") == arn
    with pytest.raises(A2IUserError, match="'reused' exists with another template") as caught:
        create(human_task_ui_name="reused", if_exists="reuse", template=TEMPLATE + "<!-- new -->")
    assert "\n" not in str(caught.value)


def test_version_puts_a_digest_into_the_name() -> None:
    arn = create(human_task_ui_name="versioned", if_exists="version")
    assert arn.endswith(f"/{versioned_name('versioned', TEMPLATE)}")
    assert create(human_task_ui_name="versioned", if_exists="version") == arn
    other = create(human_task_ui_name="versioned", if_exists="version", template=TEMPLATE + "<!-- new -->")
    assert other != arn


def test_a_template_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "form.liquid.html"
    path.write_text(TEMPLATE)
    arn = create(human_task_ui_name="from-file", template=None, template_file=path, if_exists="version")
    assert arn.endswith(f"/{versioned_name('from-file', TEMPLATE)}")
    with pytest.raises(A2IUserError, match=r"cannot be read: .*missing\.html"):
        create(human_task_ui_name="from-file", template=None, template_file=tmp_path / "missing.html")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"human_task_ui_name": "Forms"}, "human_task_ui_name: 'Forms' may hold lower-case letters"),
        ({"human_task_ui_name": "empty", "template": " "}, "is empty"),
        (
            {"human_task_ui_name": "long", "template": "x" * 128_001},
            "has 128,001 characters, A2I takes 128,000",
        ),
    ],
)
def test_mistakes_are_one_line(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(A2IUserError) as caught:
        create(**arguments)
    assert complaint in str(caught.value)


def test_either_text_or_file() -> None:
    with pytest.raises(ValueError, match="either template or template_file"):
        A2ICreateHumanTaskUiOperator(task_id="ui", human_task_ui_name="x")
