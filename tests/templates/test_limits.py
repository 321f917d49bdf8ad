"""Templates that would never end, or fill the memory, end with one line instead."""

from __future__ import annotations

import time

import pytest

from review_desk.templates import Limits, TemplateError, render

QUICK = Limits(seconds=0.5)


def fails(content: str, limits: Limits = QUICK, text: str = "") -> tuple[str, float]:
    """Render a template that must fail; return the message and the seconds it took."""
    began = time.monotonic()
    with pytest.raises(TemplateError) as error:
        render(content, {"text": text}, grant_read_access=lambda uri: uri, limits=limits)
    return error.value.cause, time.monotonic() - began


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("{% for i in (1..1000000000) %}x{% endfor %}", "a range of 1000000000 items"),
        ("{% for i in (1..10000000000) reversed %}x{% endfor %}", "a range of"),
        (f"{{% for i in (1..1{'0' * 30}) %}}x{{% endfor %}}", "a range of"),
        ("{% if (1..1000000000) contains 'a' %}{% endif %}", "a range of"),
        ("{{ (1..1000000000) | join }}", "a range of"),
        ("{% tablerow i in (1..1000000000) %}x{% endtablerow %}", "a range of"),
        (
            "{% for i in (1..1000) %}{% for j in (1..1000) %}{% for k in (1..1000) %}"
            "{% endfor %}{% endfor %}{% endfor %}",
            "loop iterations",
        ),
        ("{% for i in (1..10000) %}{% endfor %}" * 3000, "loop iterations"),
    ],
)
def test_loops(content: str, cause: str) -> None:
    message, seconds = fails(content, Limits())
    assert cause in message
    assert seconds < 3


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("{{ 'aaaaaaaaaa'" + " | replace: 'a', 'aaaaaaaaaaaaaaaaaaaa'" * 20 + " }}", "'replace' filter"),
        (
            "{% assign a = 'aaaaaaaaaa' %}{% for i in (1..100) %}{% assign a = a | append: a %}{% endfor %}",
            "'append' filter",
        ),
        (
            "{% assign a = 99 %}{% for i in (1..99) %}{% assign a = a | times: a %}{% endfor %}",
            "'times' filter",
        ),
        (
            "{% assign l = 'a,b' | split: ',' %}{% for i in (1..99) %}{% assign l = l | concat: l %}{% endfor %}",
            "'concat' filter",
        ),
        (
            "{% assign s = task.input.text | slice: 0, 400 %}{% assign l = task.input.text | split: '' %}"
            "{{ l | join: s }}",
            "'join' filter",
        ),
        ("{% for i in (1..1000) %}{{ task.input.text }}{% endfor %}", "output of more than"),
        (
            "{% capture page %}{% for i in (1..1000) %}{{ task.input.text }}{% endfor %}{% endcapture %}",
            "output of more than",
        ),
        (
            "{% for i in (1..1000) %}{% capture page %}{{ page }}{{ task.input.text }}{% endcapture %}{% endfor %}",
            "output of more than",
        ),
    ],
)
def test_sizes(content: str, cause: str) -> None:
    message, seconds = fails(content, Limits(), text="x" * 100_000)
    assert cause in message
    assert seconds < 3


@pytest.mark.parametrize(
    "content",
    [
        "{% for i in (1..200000) %}" + "{% if true %}{% endif %}" * 4000 + "{% endfor %}",
        "{% for i in (1..200000) %}{% assign x = task.input | to_json %}{% endfor %}",
        "{% for i in (1..100000) %}" + "{{ i }}{{ i }}" * 500 + "{% endfor %}",
        "{% for i in (1..100000) %}{{ task.input.text | strip_newlines | upcase | size }}{% endfor %}",
    ],
)
def test_time(content: str) -> None:
    message, seconds = fails(content, text="x" * 1_000_000)
    assert message == "rendering took longer than 0.5 s"
    assert seconds < 3


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("{% if true %}\n{% for i in (1..1000000000) %}\n{% endfor %}{% endif %}", 2),
        ("{% for i in (1..1000) %}\n{% for j in (1..1000) %}\n{% endfor %}\n{% endfor %}", 2),
        (
            "{% if true %}\n\n{{ 'a' | append: task.input.text | split: '' | join: task.input.text }}{% endif %}",
            3,
        ),
        ("{% for i in (1..1000) %}\n{{ task.input.text }}\n{% endfor %}", 2),
        ("\n\n{% for i in (1..190000) %}{% assign x = task.input | to_json | escape %}{% endfor %}", 3),
        ("\n{% if true %}" * 200, 32),
    ],
)
def test_a_limit_names_the_line_in_which_it_was_reached(content: str, line: int) -> None:
    limits = Limits(seconds=0.5, loop_iterations=190_000, output_chars=1_000_000)
    with pytest.raises(TemplateError) as error:
        render(content, {"text": "x" * 10_000}, grant_read_access=lambda uri: uri, limits=limits)
    assert error.value.line == line


@pytest.mark.parametrize(
    "content",
    [
        "{{" * 60_000,
        "{%" * 60_000,
        "{% raw %}" * 14_000,
        "{% doc %}" * 14_000,
        "{% if x" * 18_000,
        "{{" + " " * 120_000 + "}}",
        ("{{" + " " * 400 + "}}") * 300,
        "{{ a" + " | upcase" * 12_000 + " }}",
        "{% if true %}" * 5_000 + "{% endif %}" * 5_000,
        "{% if " + "a and " * 1_500 + "a %}{% endif %}",
        "x" * 128_001,
    ],
)
def test_markup_that_takes_a_parser_for_ever(content: str) -> None:
    _, seconds = fails(content)
    assert seconds < 2


def test_deep_input_is_one_line_too() -> None:
    deep: object = "x"
    for _ in range(20_000):
        deep = [deep]
    began = time.monotonic()
    with pytest.raises(TemplateError, match="nested too deeply"):
        render("{{ task.input }}", deep, grant_read_access=lambda uri: uri)
    assert time.monotonic() - began < 2


def test_a_large_honest_task_is_within_the_limits() -> None:
    """800 Textract blocks printed, and looped over with a filter each, as AWS's own template and samples do."""
    block = {
        "blockType": "WORD",
        "text": "word & word",
        "confidence": 99.1,
        "geometry": {"polygon": [{"x": 0.5}] * 8},
    }
    content = (
        '<x initial-value="{{ task.input.blocks }}">'
        "{% for b in task.input.blocks %}{{ b.text | upcase | escape }}{{ b | to_json | escape }}{% endfor %}"
    )
    page = render(content, {"blocks": [block] * 800}, grant_read_access=lambda uri: uri)
    assert page.count("WORD &amp; WORD") == 800
