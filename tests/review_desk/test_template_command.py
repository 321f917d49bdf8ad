"""`review-desk template check` and the server of `review-desk template serve`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fastapi.testclient import TestClient

from review_desk.cli import main
from review_desk.cli.template_preview import Preview, create_preview
from review_desk.elements import names
from review_desk.templates.lint import NO_INPUT, Finding, lint

SCRIPT = '<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>\n'
FORM = SCRIPT + '<crowd-form>\n<crowd-input name="a" label="A"></crowd-input>\n{}\n</crowd-form>\n'
ADDRESS = "http://127.0.0.1:8765"


def within_form(markup: str) -> list[tuple[int, str, str]]:
    """Findings about markup that stands in line 4 of an otherwise sound template."""
    return [
        (found.line, found.level, found.text)
        for found in lint(FORM.format(markup), {"uri": "s3://bbb/k.png"})
    ]


def test_a_sound_template_has_no_findings() -> None:
    assert within_form('<img src="{{ task.input.uri | grant_read_access }}" alt="">') == []


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        ("<crowd-form><input name=a></crowd-form>", (1, "error", "there is no <script")),
        (SCRIPT + "<form><input name=a></form>", (1, "error", "there is no <crowd-form>")),
        (SCRIPT + "<crowd-form><p>Look</p></crowd-form>", (2, "error", "no field in the form has an answer")),
        (
            SCRIPT + "<crowd-form></crowd-form><input name=a>",
            (2, "error", "no field in the form has an answer"),
        ),
        (FORM.format("") + "<crowd-form><input name=b></crowd-form>", (6, "warning", "a second form")),
        (FORM.format("{{ 1 | foo }}"), (4, "error", "unknown filter 'foo'")),
        (FORM.format("{% if %}"), (4, "error", "missing expression")),
        (FORM.format("{{ task.input.no | grant_read_access }}"), (4, "error", '"grant_read_access" input')),
        (FORM.format("x" * 128_000), (1, "error", "A2I takes at most 128000")),
    ],
)
def test_what_a_template_lacks(content: str, finding: tuple[int, str, str]) -> None:
    line, level, text = finding
    found = lint(content, {})
    assert [one for one in found if (one.line, one.level) == (line, level) and text in one.text], found


@pytest.mark.parametrize(
    ("markup", "level", "text"),
    [
        ("<crowd-dance></crowd-dance>", "error", "<crowd-dance> is no element that Review Desk knows"),
        ("{% if true %}<crowd-dance></crowd-dance>{% endif %}", "error", "<crowd-dance> is no element"),
        ("{% if false %}<crowd-dance></crowd-dance>{% endif %}", "error", "<crowd-dance> is no element"),
        (
            '<crowd-form labels="[1"></crowd-form>',
            "error",
            "the attribute labels cannot be read: expected a comma",
        ),
        (
            "<crowd-form labels=\"['{{ task.input.uri }}'\"></crowd-form>",
            "error",
            "the attribute labels cannot",
        ),
        (
            '<script src="https://d3js.org/d3.js"></script>',
            "error",
            "the frame blocks the script https://d3js.org",
        ),
        (
            '<link rel="stylesheet" href="//x.test/a.css">',
            "warning",
            "the frame blocks the style sheet //x.test",
        ),
        (
            '<img src="https://x.test/{{ task.input.uri }}" alt="">',
            "warning",
            "the frame blocks the image https",
        ),
        ('<video src="http://x.test/a.mp4"></video>', "warning", "the frame blocks the recording"),
        ('<iframe src="https://x.test/"></iframe>', "warning", "the frame blocks the page"),
        (
            "<style>\np { background: url('https://x.test/p.png') }</style>",
            "warning",
            "the frame blocks the image",
        ),
        ('<p style="background: url(https://x.test/p.png)">', "warning", "the frame blocks the image"),
        ('<img src="{{ task.input.uri }}" alt="">', "error", "browsers cannot open s3://bbb/k.png"),
        (
            '<img src="pictures/a.png" alt="">',
            "warning",
            "nothing is served at the relative address pictures/a.png",
        ),
        ("<crowd-input label=x></crowd-input>", "warning", "this <crowd-input> has no name"),
        ("<select><option>a</select>", "warning", "this <select> has no name"),
        ('<meta name="review-desk-grid" content="10">', "error", "needs a whole number from 1 to 9"),
        ('<meta name="Review-Desk-Grid">', "error", "needs a whole number from 1 to 9"),
        (
            '<meta name="review-desk-grid" content="{{ 9 }}">',
            "error",
            "needs a whole number from 1 to 9, written out",
        ),
        (
            " " * 10_000 + '<meta name="review-desk-grid" content="9">',
            "error",
            "must stand in the first 10000 characters",
        ),
        ('<crowd-input name="b"/>', "error", "<crowd-input/> is not closed by its slash"),
        ("<script>fetch('/x')</script>", "warning", "fetch: the frame lets scripts reach no network"),
        ("<script>localStorage.a = 1</script>", "warning", "localStorage: the frame keeps nothing"),
        (
            '<crowd-entity-annotation name="e"></crowd-entity-annotation>',
            "warning",
            "<crowd-entity-annotation> has a form of its own",
        ),
    ],
)
def test_markup_that_will_not_work(markup: str, level: str, text: str) -> None:
    found = [one for one in within_form(markup) if text in one[2]]
    assert len(found) == 1, within_form(markup)
    line = 5 if "<style>" in markup else 4
    assert found[0][:2] == (line, level)


@pytest.mark.parametrize(
    "markup",
    [
        "{% comment %}<crowd-dance></crowd-dance>{% endcomment %}",
        '<meta name="review-desk-grid" content="9">',
        "<!-- <crowd-dance></crowd-dance> -->",
        "<script>const tag = '<crowd-dance>';</script>",
        '<img src="data:image/png;base64,x" alt=""><img src="" alt="">',
        '<img src="https://assets.crowd.aws/images/a2i-console/correct-value.png" alt="">',
        '<input type="submit"><input type="button"><button>x</button>',
        "<p>https://x.test/ is only text</p><a href='https://x.test/'>a link</a>",
        '<p title="{% if true %}<{% endif %}">{{ "<crowd-dance>" }}</p>',
    ],
)
def test_what_is_fine(markup: str) -> None:
    assert within_form(markup) == []


def test_without_an_input_only_what_is_written_is_looked_at() -> None:
    content = FORM.format(
        '<img src="{{ task.input.uri | grant_read_access }}" alt=""><crowd-dance></crowd-dance>'
    )
    assert [found.line for found in lint(content)] == [4]
    assert len(lint(content, {})) == 3


def test_the_installation_decides_about_aws() -> None:
    content = FORM.format('<img src="https://assets.crowd.aws/images/other.png" alt="">')
    assert [found.level for found in lint(content)] == ["warning"]
    assert lint(content, crowd_script="cdn") == []


def test_entity_annotation_is_a_form_of_its_own() -> None:
    found = lint(
        SCRIPT + '<crowd-entity-annotation name="e" labels="[]"></crowd-entity-annotation>', NO_INPUT
    )
    assert [one for one in found if "form" in one.text or "answer" in one.text] == []


def test_the_names_of_the_elements_are_those_of_the_bundle() -> None:
    assert {"crowd-form", "crowd-input", "crowd-text-area", "crowd-button"} <= names()


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    template, sample = tmp_path / "task.liquid.html", tmp_path / "task.input.json"
    template.write_text(FORM.format(""))
    sample.write_text('{"uri": "s3://documents/a.png"}')
    return template, sample


def check(template: Path, sample: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["template", "check", str(template), "--input", str(sample), *options])


def test_check_prints_a_line_a_finding(files: tuple[Path, Path]) -> None:
    template, sample = files
    fine = check(*files)
    assert (fine.exit_code, fine.output) == (0, f"{template}: nothing found.\n")
    template.write_text(FORM.format('<img src="a.png" alt="">'))
    warned = check(*files)
    line = f"{template}:4: warning: nothing is served at the relative address a.png\n"
    assert (warned.exit_code, warned.output) == (0, line)
    strict = check(*files, "--strict")
    assert (strict.exit_code, strict.output) == (1, line.replace("warning", "error"))
    template.write_text(FORM.format("{{ 1 | foo }}{{ 2 | bar }}"))
    wrong = check(*files)
    assert wrong.exit_code == 1
    assert wrong.output.splitlines() == [
        f"{template}:4: error: unknown filter 'bar'",
        f"{template}:4: error: unknown filter 'foo'",
    ]
    sample.write_text("{]")
    broken = check(*files)
    assert broken.exit_code == 1
    assert f"{sample} is not the JSON of an input" in broken.output


def test_files_that_are_none(files: tuple[Path, Path]) -> None:
    template, sample = files
    template.write_bytes(b"\xff")
    assert "is not UTF-8" in check(*files).output
    template.unlink()
    assert check(template, sample).exit_code == 2


def test_help_names_both_commands() -> None:
    shown = CliRunner().invoke(main, ["template", "--help"]).output
    assert "check" in shown
    assert "serve" in shown
    assert "--documents" in CliRunner().invoke(main, ["template", "serve", "--help"]).output


@pytest.fixture
def preview(files: tuple[Path, Path], tmp_path: Path) -> Preview:
    template, sample = files
    template.write_text(FORM.format('<img src="{{ task.input.uri | grant_read_access }}" alt="">'))
    documents = tmp_path / "files"
    (documents / "documents").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    return Preview(template, sample, documents, "own")


@pytest.fixture
def http(preview: Preview) -> TestClient:
    return TestClient(create_preview(preview, ADDRESS), base_url=ADDRESS)


def test_the_frame_is_caged_as_in_the_portal(http: TestClient) -> None:
    frame = http.get("/frame")
    policy = frame.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts allow-forms; default-src 'none'")
    assert f"frame-ancestors {ADDRESS}" in policy
    assert "crowd.aws" not in frame.text
    assert http.get("/portal/elements/crowd-html-elements.js").status_code == 200
    assert http.get("/").headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_documents_come_from_the_folder_and_from_nowhere_else(http: TestClient, preview: Preview) -> None:
    http.get("/frame")
    assert http.get("/state").json()["missing"] == ["s3://documents/a.png"]
    missing = http.get("/portal/media/documents/a.png")
    assert missing.status_code == 404
    assert "s3://documents/a.png" in missing.text
    assert preview.documents
    (preview.documents / "documents" / "a.png").write_bytes(b"picture")
    (preview.documents / "b.txt").write_bytes(b"text")
    http.get("/frame")
    assert http.get("/state").json()["missing"] == []
    found = http.get("/portal/media/documents/a.png")
    assert (found.content, found.headers["Content-Type"]) == (b"picture", "image/png")
    assert http.get("/portal/media/anything/b.txt").content == b"text"
    for outside in ("..%2Fsecret.txt", "%2E%2E/secret.txt", "..%2F..%2Fsecret.txt"):
        answer = http.get(f"/portal/media/documents/{outside}")
        assert answer.status_code == 404
        assert answer.text != "secret"


def test_the_state_follows_the_files(http: TestClient, preview: Preview) -> None:
    first = http.get("/state").json()
    assert first["findings"] == []
    preview.template.write_text("{{ 1 | foo }}")
    second = http.get("/state").json()
    assert second["version"] != first["version"]
    assert {
        "file": preview.template.name,
        "line": 1,
        "level": "error",
        "text": "unknown filter 'foo'",
    } in second["findings"]
    assert http.get("/frame").status_code == 422
    assert "unknown filter" in http.get("/frame").text
    preview.task_input.write_text("{")
    [problem] = http.get("/state").json()["findings"]
    assert problem["file"] == preview.task_input.name
    assert http.get("/frame").status_code == 422
    preview.template.unlink()
    assert "cannot be read" in json.dumps(http.get("/state").json()["findings"])


def test_another_host_name_is_refused(http: TestClient) -> None:
    assert http.get("/state", headers={"Host": "evil.test"}).status_code == 400


def test_findings_sort_by_line() -> None:
    assert sorted([Finding(10, "error", "b"), Finding(9, "warning", "a")])[0].line == 9
