"""What is wrong with a worker task template before anybody sees it: the findings of ``review-desk template check``.

The template is looked at twice: as it is written, with its Liquid blanked out, and as it renders with a sample of the
input. Start tags keep the line they were written in as an attribute, so that findings about the rendered page have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Literal

from review_desk.elements import names
from review_desk.templates.engine import problems, render
from review_desk.templates.grid import GRID_META, GRID_META_WITHIN_CHARS, MOST_IN_GRID, grid_number
from review_desk.templates.limits import TemplateError
from review_desk.templates.literals import parse_literal
from review_desk.templates.localise import AWS_ORIGIN, AWS_SCRIPT_URL
from review_desk.templates.scan import LIQUID, MAX_TEMPLATE_CHARS

Level = Literal["error", "warning"]
Kind = Literal["script", "style sheet", "image", "recording", "page"]


@dataclass(frozen=True, order=True)
class Finding:
    """One thing to look at; ``line`` is counted from 1, in the template."""

    line: int
    level: Level
    text: str


NO_INPUT: object = object()
"""Stands for an input that was not given: then nothing is rendered."""

FIXED_ANSWERS = frozenset({"crowd-textract-analyze-document", "crowd-rekognition-detect-moderation-labels"})
"""Elements whose answer has a name of its own (A2I developer guide, their pages)."""

NAMED_ANSWERS = frozenset(
    f"crowd-{name}"
    for name in (
        "bounding-box",
        "checkbox",
        "classifier",
        "classifier-multi-select",
        "entity-annotation",
        "image-classifier",
        "image-classifier-multi-select",
        "input",
        "instance-segmentation",
        "keypoint",
        "line",
        "polygon",
        "polyline",
        "radio-button",
        "semantic-segmentation",
        "slider",
        "text-area",
        "toggle-button",
    )
)
"""Elements whose answer is submitted under their ``name``."""

_NATIVE = frozenset({"input", "select", "textarea"})
_NO_ANSWER = frozenset({"button", "submit", "reset", "image", "file"})
_LITERALS = frozenset(
    {
        "block-types",
        "categories",
        "exclusion-category",
        "initial-value",
        "keys",
        "label-colors",
        "labels",
        "overlay",
    }
)
_TEXT_INITIAL_VALUE = frozenset(
    {"crowd-classifier", "crowd-image-classifier", "crowd-input", "crowd-text-area"}
)
_SCRIPT = re.compile(r"(?:https?:)?//assets\.crowd\.aws/crowd-html-elements(?:-v\d+)?\.js")
_PICTURE = re.compile(r"(?:https?:)?//assets\.crowd\.aws/images/a2i-console/")
_DYNAMIC = "\ue000"
"""Stands for a character of Liquid where the template is looked at as it is written."""

_PRINTED = re.compile(r"\{\{-?\s*task\.input((?:\.\w+)+)(?![\w.\[])([^}]*)\}\}")
_CONDITION = re.compile(r"\{%-?\s*(?:if|elsif|unless|case|when)\b[^%]*%\}")
_NO_END = re.compile(r"expected tag (\w+), found end of expression")
_LINE = "data-line-of-template"
_CSS_ADDRESS = re.compile(r"url\(\s*['\"]?([^'\")\s]+)|@import\s+['\"]([^'\"]+)")
_NETWORK = re.compile(r"\b(fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon)\s*\(")
_STORAGE = re.compile(r"\b(localStorage|sessionStorage|indexedDB|document\.cookie)\b")

_ADDRESSES: dict[tuple[str, str], Kind] = {
    ("script", "src"): "script",
    ("link", "href"): "style sheet",
    ("img", "src"): "image",
    ("input", "src"): "image",
    ("image", "href"): "image",
    ("video", "poster"): "image",
    ("video", "src"): "recording",
    ("audio", "src"): "recording",
    ("source", "src"): "recording",
    ("track", "src"): "recording",
    ("iframe", "src"): "page",
    ("embed", "src"): "page",
    ("object", "data"): "page",
}
_OF_DOCUMENTS: frozenset[Kind] = frozenset({"image", "recording", "page"})
_DOCUMENT_PATH = "/portal/media/"


def lint(
    content: str, task_input: object = NO_INPUT, *, crowd_script: Literal["own", "cdn"] = "own"
) -> list[Finding]:
    """Return what is wrong with a template, by line.

    :param task_input: a parsed sample of the InputContent; without it only what is written is looked at.
    :param crowd_script: whose elements the installation gives to templates (REVIEW_DESK_CROWD_SCRIPT).
    """
    if len(content) > MAX_TEMPLATE_CHARS:
        text = f"the template has {len(content)} characters; A2I takes at most {MAX_TEMPLATE_CHARS}"
        return [Finding(1, "error", text)]
    aws = crowd_script == "cdn"
    found = {_as_finding(problem) for problem in problems(content)}
    blanked = LIQUID.sub(lambda liquid: re.sub(r"[^\n]", _DYNAMIC, liquid.group()), content)
    page = written = _Page(blanked, aws=aws, is_written=True)
    found |= written.findings
    if task_input is not NO_INPUT:
        found |= set(_not_in_input(content, task_input))
        try:
            rendered = render(_with_lines(content, written.tags), task_input, grant_read_access=_granted)
        except TemplateError as error:
            found.add(_as_finding(error))
        else:
            page = _Page(rendered, aws=aws, is_written=False)
            found |= page.findings
    return sorted(found | set(page.omissions()))


def _as_finding(problem: TemplateError) -> Finding:
    no_end = _NO_END.fullmatch(problem.cause)
    return Finding(
        problem.line or 1, "error", f"there is no {{% {no_end[1]} %}}" if no_end else problem.cause
    )


def _not_in_input(content: str, task_input: object) -> Iterator[Finding]:
    """What the template prints of the input that the sample does not have, unless the template is prepared for that."""
    conditions = " ".join(_CONDITION.findall(content))
    for printed in _PRINTED.finditer(content):
        path = printed[1].removeprefix(".").split(".")
        name = f"task.input{printed[1]}"
        if (
            _has(task_input, path)
            or "default" in printed[2]
            or re.search(rf"{re.escape(name)}\b", conditions)
        ):
            continue
        line = content.count("\n", 0, printed.start()) + 1
        yield Finding(line, "warning", f"{name} is not in the input: nothing is printed for it")


def _has(value: object, path: list[str]) -> bool:
    """Whether an object has a member; of what is no object, Liquid has properties of its own."""
    for name in path:
        if not isinstance(value, dict):
            return True
        if name not in value:
            return name in ("size", "first", "last")
        value = value[name]
    return True


def _granted(uri: str) -> str:
    return _DOCUMENT_PATH + uri.removeprefix("s3://")


def _with_lines(content: str, tags: list[tuple[int, int]]) -> str:
    """Give every start tag its line as an attribute.

    :param tags: where the name of each ends, and its line.
    """
    parts, position = [], 0
    for end, line in tags:
        parts += [content[position:end], f' {_LINE}="{line}"']
        position = end
    numbered = "".join([*parts, content[position:]])
    return numbered if len(numbered) <= MAX_TEMPLATE_CHARS else content


class _Page(HTMLParser):
    """A page that is looked at, tag by tag.

    :param aws: whether the frame may load what AWS offers.
    :param is_written: the page is the template itself, its Liquid blanked out; else it is rendered.
    """

    def __init__(self, text: str, *, aws: bool, is_written: bool) -> None:
        super().__init__()
        self.findings: set[Finding] = set()
        self.tags: list[tuple[int, int]] = []
        self._aws = aws
        self._is_written = is_written
        self._line_starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self._has_script = False
        self._forms: list[int] = []
        self._open_forms = 0
        self._open_elements: list[tuple[str, int]] = []
        self._unclosed: list[tuple[str, int]] = []
        self._answers = 0
        self._raw: str | None = None
        self.feed(text)
        self.close()

    def omissions(self) -> Iterator[Finding]:
        """What the page as a whole lacks."""
        if not self._has_script:
            text = f'there is no <script src="{AWS_SCRIPT_URL}"></script>: no element works without it'
            yield Finding(1, "error", text)
        if not self._forms:
            text = "there is no <crowd-form>, and no <crowd-entity-annotation>: nothing can be submitted"
            yield Finding(1, "error", text)
        elif not self._answers:
            yield Finding(self._forms[0], "error", "no field in the form has an answer: give one a name")
        for line in self._forms[1:]:
            yield Finding(line, "warning", "a second form: only the first one of the page is submitted")
        for tag, line in [*self._unclosed, *self._open_elements]:
            text = f"this <{tag}> has no </{tag}>: what follows may become a part of it"
            yield Finding(line, "warning", text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line, column = self.getpos()
        attributes = {name: value or "" for name, value in reversed(attrs)}
        if self._is_written:
            self.tags.append((self._line_starts[line - 1] + column + 1 + len(tag), line))
        else:
            line = int(attributes.pop(_LINE, "1"))
        self._raw = tag if tag in ("script", "style") else None
        if tag.startswith("crowd-"):
            self._open_elements.append((tag, line))
        self._see_element(tag, attributes, line)
        self._see_addresses(tag, attributes, line)
        for name in _LITERALS & attributes.keys() if tag.startswith("crowd-") else ():
            self._see_literal(tag, name, attributes[name], line)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag.startswith("crowd-"):
            self._open_elements.pop()
            line = int(dict(attrs).get(_LINE) or self.getpos()[0])
            self._find(line, "error", f"<{tag}/> is not closed by its slash: write <{tag}></{tag}>")

    def handle_endtag(self, tag: str) -> None:
        self._raw = None
        opened = [one for one, _ in self._open_elements]
        if tag in opened:
            place = len(opened) - 1 - opened[::-1].index(tag)
            self._unclosed += self._open_elements[place + 1 :]
            del self._open_elements[place:]
        if tag == "crowd-form":
            self._open_forms = max(0, self._open_forms - 1)

    def handle_data(self, data: str) -> None:
        # Rendered text has no line: what is in scripts and style sheets is looked at as it is written.
        if self._raw is None or not self._is_written:
            return
        first = self.getpos()[0]
        if self._raw == "style":
            self._see_css(data, first)
            return
        for found in _NETWORK.finditer(data):
            text = f"{found[1]}: the frame lets scripts reach no network"
            self._find(first + data.count("\n", 0, found.start()), "warning", text)
        for found in _STORAGE.finditer(data):
            text = f"{found[1]}: the frame keeps nothing in the browser; this fails in it"
            self._find(first + data.count("\n", 0, found.start()), "warning", text)

    def _find(self, line: int, level: Level, text: str) -> None:
        self.findings.add(Finding(line, level, text))

    def _see_element(self, tag: str, attributes: dict[str, str], line: int) -> None:
        if tag.startswith("crowd-") and _DYNAMIC not in tag and tag not in names():
            self._find(line, "error", f"<{tag}> is no element that Review Desk knows")
        if tag == "meta" and attributes.get("name", "").lower() == GRID_META:
            if self._is_written:
                self._see_grid(attributes.get("content", ""), line)
            return
        if tag == "crowd-form":
            self._forms.append(line)
            self._open_forms += 1
            return
        if tag == "crowd-entity-annotation":
            if self._open_forms:
                text = "in A2I <crowd-entity-annotation> has a form of its own: take it out of <crowd-form>"
                self._find(line, "warning", text)
            else:
                self._forms.append(line)
        elif not self._open_forms:
            return
        if tag in FIXED_ANSWERS:
            self._answers += 1
        elif tag in NAMED_ANSWERS or (
            tag in _NATIVE and attributes.get("type", "").lower() not in _NO_ANSWER
        ):
            if attributes.get("name"):
                self._answers += 1
            else:
                self._find(line, "warning", f"this <{tag}> has no name: what it says is not submitted")

    def _see_grid(self, number: str, line: int) -> None:
        """Nothing is rendered to learn it, so it counts as it is written."""
        if grid_number(number) is None:
            text = f'{GRID_META} needs a whole number from 1 to {MOST_IN_GRID}, written out: content="9"'
            self._find(line, "error", text)
        start = self._line_starts[self.getpos()[0] - 1] + self.getpos()[1]
        if start + len(self.get_starttag_text() or "") > GRID_META_WITHIN_CHARS:
            text = f"{GRID_META} must stand in the first {GRID_META_WITHIN_CHARS} characters"
            self._find(line, "error", text)

    def _see_literal(self, tag: str, name: str, value: str, line: int) -> None:
        if not value.strip() or _DYNAMIC in value or (name == "initial-value" and tag in _TEXT_INITIAL_VALUE):
            return
        try:
            parse_literal(value)
        except ValueError as error:
            self._find(line, "error", f"<{tag}>: the attribute {name} cannot be read: {error}")

    def _see_addresses(self, tag: str, attributes: dict[str, str], line: int) -> None:
        for name, value in attributes.items():
            kind = _ADDRESSES.get((tag, name))
            if tag.startswith("crowd-") and name == "src":
                kind = "image"
            if kind and not (tag == "link" and "stylesheet" not in attributes.get("rel", "").lower()):
                self._see_address(kind, value.strip(), line)
        self._see_css(attributes.get("style", ""), line)

    def _see_css(self, css: str, first: int) -> None:
        for found in _CSS_ADDRESS.finditer(css):
            kind: Kind = "style sheet" if found[2] else "image"
            self._see_address(kind, found[1] or found[2], first + css.count("\n", 0, found.start()))

    def _see_address(self, kind: Kind, address: str, line: int) -> None:
        if not address or _DYNAMIC in address or address.startswith(("#", "about:")):
            return
        if kind == "script" and _SCRIPT.fullmatch(address):
            self._has_script = True
            return
        scheme = address.partition(":")[0].lower()
        shown = address if len(address) <= 100 else f"{address[:99]}…"
        if (
            (kind == "image" and _PICTURE.match(address))
            or (
                self._aws
                and kind in ("script", "style sheet", "image")
                and address.startswith(f"{AWS_ORIGIN}/")
            )
            or (kind in ("image", "recording") and scheme in ("data", "blob"))
            or (kind in _OF_DOCUMENTS and address.startswith(_DOCUMENT_PATH))
        ):
            return
        if scheme == "s3":
            self._find(line, "error", f"browsers cannot open {shown}: use the filter grant_read_access")
        elif address.startswith("//") or scheme in ("http", "https", "data", "blob"):
            advice = (
                "write it into the template" if kind in ("script", "style sheet") else "use grant_read_access"
            )
            level: Level = "error" if kind == "script" else "warning"
            self._find(line, level, f"the frame blocks the {kind} {shown}: {advice}")
        else:
            self._find(line, "warning", f"nothing is served at the relative address {shown}")
