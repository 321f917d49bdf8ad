"""Write the API reference in docs/api from the docstrings of plugins/a2i; `make docs` runs it.

The modules are read, never imported: the pages are the same whichever Airflow is installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import griffe

DOCS: Final = Path(__file__).parent
PLUGINS: Final = DOCS.parent / "plugins"

#: The modules of a2i itself that are for use in a Dag; the other ones are the library's own machinery.
MODULES: Final = {
    "activation",
    "agreement",
    "answers",
    "consensus",
    "dawid_skene",
    "events",
    "exceptions",
    "naming",
    "normalisers",
    "shapes",
}
#: Parameters that take any number of arguments: they have no default.
VARIADIC: Final = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}


@dataclass(frozen=True)
class Page:
    """A page of the reference: every module of a folder of a2i, or of a2i itself."""

    name: str
    title: str
    introduction: str
    folder: str | None
    members: bool = True


PAGES: Final = (
    Page("operators", "Operators", "What a Dag runs.", "operators", members=False),
    Page("sensors", "Sensors", "What a Dag waits with.", "sensors", members=False),
    Page(
        "triggers",
        "Triggers",
        "What waits in the triggerer. A Dag names only a trigger that it watches assets with.",
        "triggers",
        members=False,
    ),
    Page("hooks", "Hooks", "Clients on an Airflow connection of type `aws`.", "hooks"),
    Page("links", "Links", "Buttons on a task's page in the Airflow UI.", "links", members=False),
    Page("modules", "Modules", "Names, answers, rules and errors, for use in your own tasks.", None),
)


def pages() -> dict[str, str]:
    """Return the text of every page by its file name."""
    package = griffe.load(
        "a2i",
        search_paths=[PLUGINS],
        docstring_parser="sphinx",
        # Operators document what their base class takes, which a reader of the source alone cannot see.
        docstring_options={"warnings": False},
    )
    texts = {f"{page.name}.md": _page(page, package) for page in PAGES}
    listed = "\n".join(f"- [{page.title}]({page.name}.md): {page.introduction}" for page in PAGES)
    texts["README.md"] = f"# API reference\n\nMade from the docstrings by `make docs`.\n\n{listed}\n"
    return texts


def _page(page: Page, package: Any) -> str:
    parts = [f"# {page.title}", page.introduction]
    for module in _modules(package[page.folder] if page.folder else package):
        documented = [_object(member, page) for member in _public(module) if page.members or member.is_class]
        if documented:
            parts += [f"## `{module.path}`", *_prose(module), *documented]
    return "\n\n".join(parts) + "\n"


def _modules(package: Any) -> list[Any]:
    names = MODULES if package.name == "a2i" else set(package.modules) - {"base"}
    return [package.modules[name] for name in sorted(names)]


def _public(owner: Any) -> list[Any]:
    """The documented classes, functions and properties of a module or class, as they stand in the source."""
    return [
        member
        for member in owner.members.values()
        if not member.is_alias and not member.name.startswith("_") and member.has_docstring
    ]


def _object(member: Any, page: Page) -> str:
    parts = [f"### `{member.name}`"]
    if member.is_attribute:
        return "\n\n".join([*parts, *_prose(member)])
    called = _callable(member)
    if called is not None:
        parts.append(f"```python\n{_signature(member.name, called)}\n```")
    parts += [*_prose(member), *_fields(member, called)]
    if page.members and member.is_class:
        parts += [_method(method) for method in _public(member)]
    return "\n\n".join(parts)


def _method(member: Any) -> str:
    called = None if member.is_attribute else member
    shown = member.name if called is None else _signature(member.name, called)
    # A line break inside of code would be lost in Markdown.
    parts = [f"#### `{' '.join(shown.split())}`", *_prose(member), *_fields(member, called)]
    return "\n\n".join(parts)


def _callable(member: Any) -> Any | None:
    """The function whose parameters are those of the object; dataclasses get theirs from griffe."""
    return member.members.get("__init__") if member.is_class else member


def _signature(name: str, called: Any) -> str:
    shown: list[str] = []
    keyword_only = griffe.ParameterKind.keyword_only
    previous = None
    for parameter in called.parameters:
        if parameter.name in ("self", "cls"):
            continue
        kind = parameter.kind
        if kind is keyword_only and previous not in (keyword_only, griffe.ParameterKind.var_positional):
            shown.append("*")
        annotation = f": {parameter.annotation}" if parameter.annotation else ""
        default = ""
        if parameter.default is not None and kind not in VARIADIC:
            default = f" = {parameter.default}" if annotation else f"={parameter.default}"
        shown.append(f"{VARIADIC.get(kind, '')}{parameter.name}{annotation}{default}")
        previous = kind
    returned = f" -> {called.returns}" if called.returns and called.name != "__init__" else ""
    line = f"{name}({', '.join(shown)}){returned}"
    if len(line) <= 100:
        return line
    arguments = "".join(f"    {argument},\n" for argument in shown)
    return f"{name}(\n{arguments}){returned}"


def _sections(member: Any, kind: griffe.DocstringSectionKind) -> Iterator[Any]:
    if member.docstring is not None:
        yield from (section.value for section in member.docstring.parsed if section.kind is kind)


def _prose(member: Any) -> list[str]:
    return [markdown(text) for text in _sections(member, griffe.DocstringSectionKind.text)]


def _fields(member: Any, called: Any | None) -> list[str]:
    """The parameters, the returned value and the errors, as lists."""
    kinds = griffe.DocstringSectionKind
    parts = []
    for parameters in _sections(member, kinds.parameters):
        lines = [f"- `{parameter.name}`: {_in_a_list(parameter.description)}" for parameter in parameters]
        parts.append("Parameters:\n\n" + "\n".join(lines))
    for returned in _sections(member, kinds.returns):
        parts.append("Returns " + " ".join(markdown(value.description) for value in returned))
    for errors in _sections(member, kinds.raises):
        lines = [f"- `{error.annotation}`: {_in_a_list(error.description)}" for error in errors]
        parts.append("Raises:\n\n" + "\n".join(lines))
    return parts


def _in_a_list(text: str) -> str:
    return markdown(text).replace("\n", "\n  ")


def markdown(text: str) -> str:
    """Turn the reStructuredText that docstrings use into Markdown: roles, literals, links, literal blocks, see also."""
    text = re.sub(r":(?:[\w+]+:)+`([^`<]*[^`<\s])\s*<[^`>]*>`", r"``\1``", text)
    text = re.sub(r":(?:[\w+]+:)+`~?([^`]+)`", lambda role: f"``{role[1].rpartition('.')[2]}``", text)
    text = re.sub(r"(?<!`)`([^`<]+?)\s*<(https?://[^`>]+)>`__?", r"[\1](\2)", text)
    text = re.sub(r"``(.+?)``", r"`\1`", text, flags=re.DOTALL)
    text = re.sub(r"^\.\. seealso::\n((?:[ ]+.*\n?)+)", _see_also, text, flags=re.MULTILINE)
    text = re.sub(r"::$", ":", text, flags=re.MULTILINE)
    return text.strip()


def _see_also(found: re.Match[str]) -> str:
    lines = "\n".join(line.strip() for line in found[1].splitlines())
    return f"See also:\n\n{lines}\n"


def write() -> None:
    """Write the pages, and remove those of the folder that are no longer made."""
    folder = DOCS / "api"
    folder.mkdir(exist_ok=True)
    texts = pages()
    for path in folder.glob("*.md"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    write()
