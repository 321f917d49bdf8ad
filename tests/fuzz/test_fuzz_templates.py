"""Templates and inputs of every kind: a page or one line why not, in bounded time, and never a failure of ours."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from fuzzing import HOSTILE_TEXTS, ErrorLog, as_json, check_api_answer, junk, limits, texts
from hypothesis import given
from hypothesis import strategies as st
from in_process import Served

from review_desk import strict_json
from review_desk.api.wire import service_model
from review_desk.templates import Limits, TemplateError, check, render
from review_desk.templates.engine import _ENVIRONMENT

SHORT = Limits(seconds=0.5, output_chars=100_000, value_chars=50_000, local_chars=100_000, list_items=5_000)
LONGEST_IN_SECONDS = 3.0
"""Of the processor: other work on the machine does not count."""

FILTERS = sorted(_ENVIRONMENT.filters)
VALUES = st.one_of(
    st.sampled_from(
        (
            "task.input", "task.input.a", "task.input.b", "task.input.a[0]", "task.input.a.b.c", "task.input['a']",
            "task", "task.input[task.input.a]", "nothing", "empty", "blank", "nil", "true", "1", "-1", "1.5", "1e400",
            "(1..3)", "(1..99999999999)", "(task.input.a..5)", "'text'", '"s3://bucket/key"', "'%Y %Q %'", "'{{'", "''",
            "forloop.index", "a", "x", "a.first", "a.size", "9" * 400, "'" + "a" * 5000 + "'",
            "'\ud800'", "'\0'", "@", "", "..", "[", "''''",
        )
    ),
    st.integers().map(str),
    st.text("abc'\"|.:{}%()[] \\\u2028\ud800", max_size=8),
)  # fmt: skip
CALLS = st.tuples(
    st.one_of(st.sampled_from(FILTERS), st.sampled_from(("none", "")), st.text("ab_:|", max_size=4)),
    st.lists(VALUES, max_size=3),
).map(lambda drawn: f"{drawn[0]}: {', '.join(drawn[1])}" if drawn[1] else drawn[0])
EXPRESSIONS = st.tuples(VALUES, st.lists(CALLS, max_size=4)).map(
    lambda drawn: " | ".join((drawn[0], *drawn[1]))
)
CONDITIONS = st.tuples(
    VALUES, st.sampled_from(("==", "<", "contains", "and", "or", "!=", "<>", "")), VALUES
).map(" ".join)
BLOCKS = (
    "for x in {0}",
    "tablerow x in {0} cols: {1}",
    "if {2}",
    "unless {2}",
    "case {0}",
    "capture a",
    "raw",
    "comment",
)
TAGS = (
    "assign a = {0}", "echo {0}", "increment a", "cycle {0}, {1}", "include {0}", "render {0}", "break",
    "continue", "else",
    "elsif {2}", "when {0}", "liquid echo {0}", "endfor", "end", "unknown", "layout {0}", "{0}",
)  # fmt: skip


def pieces(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Markup around markup; sometimes a block is not closed."""

    def block(drawn: tuple[str, str, str, str, str, bool]) -> str:
        opening, value, other, condition, body, closed = drawn
        name = opening.split()[0]
        end = f"{{% end{name} %}}" if closed else ""
        return f"{{% {opening.format(value, other, condition)} %}}{body}{end}"

    closed = st.integers(0, 9).map(bool)
    blocks = st.tuples(st.sampled_from(BLOCKS), VALUES, VALUES, CONDITIONS, inner, closed).map(block)
    return st.one_of(blocks, st.lists(inner, min_size=2, max_size=4).map("".join))


TEMPLATES = st.recursive(
    st.one_of(
        EXPRESSIONS.map("{{{{ {} }}}}".format),
        st.tuples(st.sampled_from(TAGS), EXPRESSIONS, VALUES, CONDITIONS).map(
            lambda drawn: f"{{% {drawn[0].format(*drawn[1:])} %}}"
        ),
        texts(),
    ),
    pieces,
    max_leaves=8,
)
INPUTS = st.dictionaries(st.sampled_from(("a", "b", "c")), junk(), max_size=3).map(as_json)
HOSTILE_TEMPLATES = (
    "{{ task.input.a | grant_read_access }}" * 500, "{% if a %}" * 5000, "{% for x in (1..3) %}" * 500,
    "{{" * 5000, "{%" * 5000,
    "{{ 'a' " + "| upcase " * 1000 + "}}", "{{ " + "(" * 3000 + " }}", "{{ a" + "[a" * 1500 + "]" * 1500 + " }}",
    "{% assign a = 'a' %}" + "{% assign a = a | append: a %}" * 40,
    "{% capture a %}{{ a }}{{ a }}x{% endcapture %}" * 40,
    "{% for x in (1..5000) %}{% for y in (1..5000) %}{{ x }}{% endfor %}{% endfor %}",
    "{{ task.input | to_json }}" * 100,
    "{{ 'x' | date: '%" + "9" * 500 + "Y' }}", "{{ 99999999999999999999 | date: '%Y' }}",
    "{{ '" + "9" * 5000 + "' | plus: 1 }}",
    "{{ 9 | times: " + "9" * 4400 + " }}", "{{ 'a' | truncate: 99999999999999999999 }}",
    "{{ 'abc' | slice: 0, 1e400 }}",
    "{% cycle " + ", ".join(["'a'"] * 2000) + " %}", "{% raw %}" * 3000, "{% comment %}" * 3000,
    "{%- liquid\n" + "echo 1\n" * 3000 + "-%}",
)  # fmt: skip


def rendered(template: str, task_input: Any) -> str:
    """Render within the limits, or return why it could not be; either can be written as UTF-8 or is put right."""
    began = time.process_time()
    try:
        page = render(template, task_input, grant_read_access=lambda uri: f"/{uri}", limits=SHORT)
    except TemplateError as error:
        page = str(error)
        page.encode()
        assert "\n" not in page
        assert "\0" not in page
        assert len(page) < 1100
    assert time.process_time() - began < LONGEST_IN_SECONDS
    assert len(page) <= SHORT.output_chars
    return page


@limits(500)
@given(template=TEMPLATES, task_input=INPUTS)
def test_any_template_on_any_input_is_a_page_or_one_line(template: str, task_input: bytes) -> None:
    try:
        value = strict_json.parse(task_input)
    except ValueError:
        value = {"a": "b"}
    rendered(template, value)
    assert all("\n" not in problem for problem in check(template))


@pytest.mark.parametrize("template", HOSTILE_TEMPLATES, ids=lambda template: template[:30])
def test_hostile_templates_end_soon(template: str) -> None:
    began = time.process_time()
    rendered(template, {"a": "s3://bucket/key", "b": [list(range(1000))] * 10})
    check(template)
    assert time.process_time() - began < LONGEST_IN_SECONDS


@pytest.mark.parametrize("number", [0, 1, 3, 7, 12, 16, 20])
def test_hostile_templates_are_previewed_and_created(served: Served, errors: ErrorLog, number: int) -> None:
    template = HOSTILE_TEMPLATES[number]
    task_input = json.dumps({"a": "s3://bucket/key"})
    role = "arn:aws:iam::000000000000:role/r"
    for operation, parameters in (
        (
            "RenderUiTemplate",
            {"UiTemplate": {"Content": template}, "Task": {"Input": task_input}, "RoleArn": role},
        ),
        ("CreateHumanTaskUi", {"HumanTaskUiName": f"t-{number}", "UiTemplate": {"Content": template}}),
    ):
        answer = served.sagemaker(operation, parameters)
        model = service_model("sagemaker").operation_model(operation)
        parsed = check_api_answer(answer, model, errors, protocol="json")
        assert "Error" not in parsed
        if operation == "RenderUiTemplate":
            assert bool(parsed["RenderedContent"]) != bool(parsed["Errors"])


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=lambda text: ascii(text[:20])[1:-1])
@pytest.mark.parametrize(
    "template", ["{{ task.input.a | grant_read_access }}", "{{ task.input.a }}", "{{ '%s' | none }}"]
)
def test_hostile_texts_are_printed_or_named(template: str, text: str) -> None:
    rendered(template.replace("%s", text), {"a": text})


@limits(40)
@given(template=TEMPLATES, task_input=INPUTS)
def test_any_preview_is_answered(served: Served, errors: ErrorLog, template: str, task_input: bytes) -> None:
    parameters = {
        "UiTemplate": {"Content": template},
        "Task": {"Input": task_input.decode()},
        "RoleArn": "arn:aws:iam::000000000000:role/r",
    }
    answer = served.sagemaker("RenderUiTemplate", parameters)
    check_api_answer(
        answer, service_model("sagemaker").operation_model("RenderUiTemplate"), errors, protocol="json"
    )
