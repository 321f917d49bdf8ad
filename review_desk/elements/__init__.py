"""The crowd-* elements of worker task templates, written for Review Desk.

Each element is a folder with a script and, where it has one, a style sheet. The scripts have neither `import` nor
`export`: they share one scope, in the order of `ORDER`, inside a single function. So the files are served as
written, without a build, and a template gets the one classic script it names.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

ORDER = (
    "vendor/lit",
    "runtime/styles",
    "runtime/strings",
    "runtime/literals",
    "runtime/values",
    "runtime/messages",
    "runtime/element",
    "crowd-button/crowd-button",
    "crowd-input/crowd-input",
    "crowd-text-area/crowd-text-area",
    "instructions/instructions",
    "crowd-form/crowd-form",
    "runtime/start",
)
"""Files of the bundle, without suffix; a later one uses what an earlier one declares."""

_FOLDER = Path(__file__).parent


@functools.cache
def bundle() -> str:
    """Return the script that stands in for AWS's crowd-html-elements.js.

    It defines the elements synchronously, as a classic script does for AWS's templates.
    """
    styles = {name: _read(name, ".css") for name in ORDER if (_FOLDER / f"{name}.css").exists()}
    parts = [f"const ELEMENT_STYLES = {json.dumps(styles)};"]
    parts += [f"// {name}.js\n{_read(name, '.js')}" for name in ORDER]
    return '(() => {\n"use strict";\n' + "\n".join(parts) + "\n})();\n"


def _read(name: str, suffix: str) -> str:
    return (_FOLDER / f"{name}{suffix}").read_text("utf-8")
