"""Rendering of worker task templates: what A2I's guide shows, and what its own templates rely on."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review_desk.elements import drawings
from review_desk.templates import AWS_SCRIPT_URL, TemplateError, check, localise, render

GIANT_PEACH = "Have you read 'James & the Giant Peach'?"
ESCAPED = "Have you read &#39;James &amp; the Giant Peach&#39;?"
BLOCKS = [{"blockType": "LINE", "text": """O'Neil "&" <b>""", "confidence": 93.5, "empty": None, "ok": True}]
FORM_REVIEW = Path(__file__).parents[2] / "include" / "templates" / "form_review.liquid.html"

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)


def rendered(content: str, task_input: object = None) -> str:
    return render(content, task_input, grant_read_access=lambda uri: f"/media/{uri}")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("", ESCAPED),
        (" | escape", ESCAPED),
        (" | escape_once", ESCAPED),
        (" | skip_autoescape", GIANT_PEACH),
    ],
)
@pytest.mark.parametrize("source", [f'"{GIANT_PEACH}"', "task.input.text"])
def test_output_is_escaped_once(source: str, filters: str, expected: str) -> None:
    assert rendered(f"{{{{ {source}{filters} }}}}", {"text": GIANT_PEACH}) == expected


def test_escape_once_keeps_entities() -> None:
    assert rendered("{{ task.input.text | escape_once }}", {"text": "a &amp; b < c"}) == "a &amp; b &lt; c"


def test_markup_that_a_filter_adds_is_escaped_too() -> None:
    assert rendered("{{ task.input.text | append: '<b>' }}", {"text": "a&"}) == "a&amp;&lt;b&gt;"


def test_a_capture_is_not_escaped_again() -> None:
    content = "{% capture name %}<b>{{ task.input.text }}</b>{% endcapture %}{{ name }}"
    assert rendered(content, {"text": "a&b"}) == "<b>a&amp;b</b>"


@pytest.mark.parametrize(
    "printed", ["task.input.blocks", "task.input.blocks | to_json | escape", "task.input.blocks | escape"]
)
def test_objects_in_a_double_quoted_attribute_are_json(printed: str) -> None:
    page = rendered(f'<x initial-value="{{{{ {printed} }}}}">', {"blocks": BLOCKS})
    attribute = page.removeprefix('<x initial-value="').removesuffix('">')
    assert '"' not in attribute
    assert json.loads(html.unescape(attribute)) == BLOCKS


@given(JSON_VALUES)
def test_to_json_stands_in_a_script_and_in_a_single_quoted_attribute(value: object) -> None:
    page = rendered("{{ task.input.value | to_json }}", {"value": value})
    assert json.loads(page) == value
    assert not set(page) & set("<>&'")


@given(JSON_VALUES.filter(lambda value: isinstance(value, list | dict)))
def test_a_bare_object_is_escaped_json(value: object) -> None:
    page = rendered("{{ task.input.value }}", {"value": value})
    assert not set(page) & set("<>'\"")
    assert json.loads(html.unescape(page)) == value


def test_lists_keep_what_liquid_does_with_them() -> None:
    content = (
        "{{ task.input.blocks.size }} {{ task.input.blocks[0].blockType }} "
        "{% for block in task.input.blocks %}{{ forloop.index0 }}{{ block.ok }}{% endfor %} "
        '{{ task.input.blocks | map: "blockType" | join: "," }}'
    )
    assert rendered(content, {"blocks": BLOCKS}) == "1 LINE 0true LINE"


def test_what_is_not_there_is_empty_and_null() -> None:
    content = "[{{ task.input.a.b }}][{{ task.input.a | to_json }}][{% for x in task.input.a %}x{% endfor %}]"
    assert rendered(content, {}) == "[][null][]"


def test_python_stays_out_of_reach() -> None:
    assert rendered("{{ task.__class__ }}{{ task.input.keys }}{{ task.input.weight }}", {"a": 1}) == ""


@pytest.mark.parametrize(
    ("uri", "granted"),
    [
        ("s3://documents/a b/1.png", "s3://documents/a b/1.png"),
        ("http://s3.amazonaws.com/documents/a%20b/1.png", "s3://documents/a b/1.png"),
        ("https://s3.amazonaws.com/documents/1.png", "s3://documents/1.png"),
        ("s3://documents/a&b.png", "s3://documents/a&b.png"),
    ],
)
def test_grant_read_access_takes_both_forms(uri: str, granted: str) -> None:
    asked: list[str] = []

    def grant(found: str) -> str:
        asked.append(found)
        return "/media/1?a=1&b=2"

    page = render("{{ task.input.uri | grant_read_access }}", {"uri": uri}, grant_read_access=grant)
    assert (asked, page) == ([granted], "/media/1?a=1&amp;b=2")


def test_grant_read_access_of_a_captured_uri() -> None:
    content = (
        "{% capture uri %}s3://documents/{{ task.input.key }}{% endcapture %}{{ uri | grant_read_access }}"
    )
    assert rendered(content, {"key": "a&b.png"}) == "/media/s3://documents/a&amp;b.png"


@pytest.mark.parametrize(
    "uri", ["", " ", "s3://documents/", "s3:///key", "https://example.com/1.png", None, 7]
)
def test_grant_read_access_refuses_anything_else_in_the_words_of_a2i(uri: object) -> None:
    with pytest.raises(TemplateError) as error:
        rendered("<p>\n<img src='{{ task.input.uri | grant_read_access }}'>", {"uri": uri})
    assert str(error.value).startswith(
        'Task failed to render: line 2: "grant_read_access" input is not a valid S3 URI: "'
    )


def test_what_granting_refuses_is_an_error_of_the_template_and_what_it_breaks_on_is_not() -> None:
    def failing(error: Exception) -> Any:
        def grant(uri: str) -> str:
            raise error

        return grant

    content = "{{ task.input.uri | grant_read_access }}"
    with pytest.raises(TemplateError, match="line 1: not in this account"):
        render(content, {"uri": "s3://bbb/k"}, grant_read_access=failing(ValueError("not in this account")))
    with pytest.raises(ConnectionError):
        render(content, {"uri": "s3://bbb/k"}, grant_read_access=failing(ConnectionError("down")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\n\n{{ task.input.x | nope }}", "line 3: unknown filter 'nope'"),
        ("a\r\n{% foo %}", "line 2: unexpected tag 'foo'"),
        ("\n{{ task.input.x", "line 2: expected '}}', found end of file"),
        ("{% if x %}\n\n", "line 3: expected tag endif"),
        ("\n{% raw %}{{ x }}", "line 2: the 'raw' tag is never closed"),
        ("{{ 1 | divided_by: 0 }}", "line 1: divided_by: can't divide by 0"),
        ("{% include 'other' %}", "line 1: 'include' and 'render' have no templates to load: 'other'"),
        ("{{ 'x' | safe }}", "line 1: unknown filter 'safe'"),
        ("{% if true %}\n\n{{ 1 | divided_by: 0 }}\n{% endif %}", "line 3: divided_by: can't divide by 0"),
        ("{% if true %}\n{{ 'x' | grant_read_access }}{% endif %}", 'line 2: "grant_read_access" input'),
        ("{% if true %}\n{{ 'a' | round: 'x', 2, 3 }}{% endif %}", "line 2: "),
        ("{% if true %}\n{% include 'other' %}{% endif %}", "line 2: 'include' and 'render'"),
        ("\n{% liquid\nassign x = 1\necho x | foo\n%}", "line 4: unknown filter 'foo'"),
        ("a\n{% break %}", "line 2: unexpected 'break'"),
    ],
)
def test_errors_are_one_line_with_line_and_cause(content: str, message: str) -> None:
    with pytest.raises(TemplateError) as error:
        rendered(content, {})
    assert str(error.value).startswith(f"Task failed to render: {message}")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) <= 1024


def test_check_names_every_unknown_filter_and_the_first_syntax_error() -> None:
    assert check("{{ a | to_json | escape }}{{ b | grant_read_access }}") == []
    assert check("\n{{ a | foo }}\n{{ b | bar }}") == [
        "line 2: unknown filter 'foo'",
        "line 3: unknown filter 'bar'",
    ]
    assert check("{% if %}{% endif %}") == ["line 1: missing expression"]


@pytest.mark.parametrize("address", [AWS_SCRIPT_URL, "//assets.crowd.aws/crowd-html-elements.js"])
def test_the_aws_script_is_replaced(address: str) -> None:
    page = localise(f'<script src="{address}"></script><a href="https://assets.crowd.aws/">', "/own.js")
    assert page == '<script src="/own.js"></script><a href="https://assets.crowd.aws/">'


@pytest.mark.parametrize(
    ("picture", "drawing"),
    [
        ("correct-value.png", "wrong-value.svg"),
        ("correct-value-text.png", "wrong-value.svg"),
        ("key-is-not-found.png", "missing-key.svg"),
        ("value-is-blank.png", "blank-value.svg"),
        ("not-a-key-value-pair.png", "not-a-pair.svg"),
        ("sample-key-value-pair-2.png", "correct-pair.svg"),
        ("rekognition/moderation-1.png", "moderation.svg"),
        ("something-else.png", "example.svg"),
        ("../../x.png", "example.svg"),
    ],
)
@pytest.mark.parametrize("scheme", ["https:", "http:", ""])
def test_the_pictures_of_aws_are_replaced(picture: str, drawing: str, scheme: str) -> None:
    page = localise(
        f'<img src="{scheme}//assets.crowd.aws/images/a2i-console/{picture}" alt="">',
        "/portal/elements/own.js?v=1/2",
    )
    assert page == f'<img src="/portal/elements/images/{drawing}" alt="">'
    assert drawing in drawings()


@pytest.mark.parametrize("path", sorted(drawings().values()), ids=lambda path: path.name)
def test_a_drawing_has_a_title_and_loads_nothing(path: Path) -> None:
    root = ElementTree.fromstring(path.read_text("utf-8"))
    [title] = root.iterfind("{http://www.w3.org/2000/svg}title")
    assert title.text
    assert "href" not in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("images", "shown"),
    [
        ({"taskObject": "s3://documents/form.png"}, ["form.png"]),
        ({"taskObject": "s3://documents/form.png", "pages": ["s3://documents/form.png"]}, ["form.png"]),
        ({"pages": ["s3://documents/form.png"]}, ["form.png"]),
        ({"pages": ["s3://documents/1.png", "s3://documents/2.png"]}, ["1.png", "2.png"]),
    ],
    ids=["one page", "one page by both", "one of a list", "two pages"],
)
def test_form_review_grants_each_page_once(images: dict[str, Any], shown: list[str]) -> None:
    granted: list[str] = []

    def grant(uri: str) -> str:
        granted.append(uri)
        return uri.replace("s3://", "https://media.example/")

    values = {**images, "formTitle": "Form", "confidenceThreshold": 90, "fields": []}
    page = render(FORM_REVIEW.read_text(), values, grant_read_access=grant)
    assert granted == [f"s3://documents/{name}" for name in shown]
    assert page.count("<img") == (1 if len(shown) == 1 else 1 + len(shown))
    assert ("<nav" in page) == (len(shown) > 1)
    assert 'id="words"' not in page


def test_form_review_escapes_what_others_wrote() -> None:
    evil = """"><script>alert(1)</script>' & {{ x }}"""
    field = {"name": evil, "label": evil, "value": evil, "confidence": 12.5, "box": None}
    values = {
        "taskObject": "s3://documents/form.png",
        "formTitle": evil,
        "confidenceThreshold": 90,
        "fields": [
            field,
            {**field, "page": evil, "box": {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.04}},
        ],
        "words": [
            {"text": evil, "box": {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.04}, "page": evil}
        ],
    }
    page = rendered(FORM_REVIEW.read_text(), values)
    assert check(FORM_REVIEW.read_text()) == []
    assert AWS_SCRIPT_URL in page
    assert "<script>alert" not in page
    assert f'name="{html.escape(evil).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")}"' in page
    assert page.count('class="field"') == 2
