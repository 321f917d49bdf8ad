"""The crowd-* elements of worker task templates, written for Review Desk.

Each element is a folder with its script. The scripts have neither `import` nor `export`: they share one scope, inside
a single function. So the files are served as written, without a build, and a template gets the one classic script it
names.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import re
from pathlib import Path

BEFORE = (
    "vendor/lit",
    "runtime/styles",
    "runtime/strings",
    "runtime/literals",
    "runtime/values",
    "runtime/messages",
    "runtime/preferences",
    "runtime/template-preferences",
    "runtime/element",
)
"""What the elements use, without suffix, in this order."""

AFTER = ("runtime/keys", "runtime/start")

_FOLDER = Path(__file__).parent
_DEFINITION = re.compile(r"^defineElement\(\s*\"([a-z0-9-]+)\"", re.MULTILINE)


@functools.cache
def bundle() -> str:
    """Return the script that stands in for AWS's crowd-html-elements.js.

    It defines the elements synchronously, as a classic script does for AWS's templates.
    """
    names = [*BEFORE, *_element_files(), *AFTER]
    styles = {name: _read(name, ".css") for name in names if (_FOLDER / f"{name}.css").exists()}
    parts = [f"const ELEMENT_STYLES = {json.dumps(styles)};"]
    parts += [f"// {name}.js\n{_read(name, '.js')}" for name in names]
    return '(() => {\n"use strict";\n' + "\n".join(parts) + "\n})();\n"


@functools.cache
def compressed_bundle() -> bytes:
    """Return the script as gzip, the same bytes in every process."""
    return gzip.compress(bundle().encode(), mtime=0)


@functools.cache
def bundle_version() -> str:
    """Return what changes with the script: the beginning of its digest."""
    return hashlib.sha256(bundle().encode()).hexdigest()[:16]


@functools.cache
def aws_bridge() -> str:
    """Return the script that tells the portal what AWS's own elements do."""
    return (_FOLDER / "aws.js").read_text("utf-8")


@functools.cache
def names() -> frozenset[str]:
    """Return the names of the elements that the bundle defines."""
    return frozenset(_DEFINITION.findall("\n".join(_read(name, ".js") for name in _element_files())))


@functools.cache
def drawings() -> dict[str, Path]:
    """Return the drawings of instructions by file name: what a request names is looked up, never made a path."""
    return {path.name: path for path in (_FOLDER / "images").glob("*.svg")}


def _element_files() -> list[str]:
    """Return the scripts of the elements, without suffix: folder by folder, the one of the folder's name last.

    A folder that several elements use has a name that comes before theirs.
    """
    files = [file for file in _FOLDER.glob("*/*.js") if file.parent.name not in ("runtime", "vendor")]
    files.sort(key=lambda file: (file.parent.name, file.stem == file.parent.name, file.stem))
    return [f"{file.parent.name}/{file.stem}" for file in files]


def _read(name: str, suffix: str) -> str:
    return (_FOLDER / f"{name}{suffix}").read_text("utf-8")
