"""`review-desk template serve` as a process, and the page it shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Frame, Page

COMMAND = (sys.executable, "-c", "from review_desk.cli import main; main()", "template", "serve")


@contextmanager
def served(template: Path, sample: Path, documents: Path | None = None) -> Iterator[str]:
    """Serve a template; yields the address of its preview."""
    arguments = [*COMMAND, str(template), "--input", str(sample)]
    if documents:
        arguments += ["--documents", str(documents)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert " is shown at " in line, line
            yield line.split(" is shown at ")[1].split()[0]
        finally:
            process.terminate()
            process.wait(10)


def opened(page: Page, address: str) -> Frame:
    """Open the preview; return the frame once its task is ready."""
    page.goto(address)
    return ready(page)


def ready(page: Page) -> Frame:
    page.wait_for_function("() => document.querySelector('#status').textContent.startsWith('Loaded at')")
    page.wait_for_function("() => document.querySelector('#answer').textContent.startsWith('{')")
    return page.frames[-1]


def shown_answer(page: Page) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(page.text_content("#answer") or "")
    return answer


def wait_for_answer(page: Page, answer: dict[str, Any]) -> None:
    """Wait until the page shows an answer; the order of its names does not matter."""
    script = """(wanted) => {
      const sorted = (value) => value && typeof value === "object" && !Array.isArray(value)
        ? Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]))
        : Array.isArray(value) ? value.map(sorted) : value;
      const shown = document.querySelector("#answer").textContent;
      return shown.startsWith("{") && JSON.stringify(sorted(JSON.parse(shown))) === JSON.stringify(sorted(wanted));
    }"""
    page.wait_for_function(script, arg=answer)


def submitted_answer(page: Page) -> dict[str, Any]:
    page.wait_for_function(
        "() => document.querySelector('#answer-state').textContent.startsWith('Submitted at')"
    )
    return shown_answer(page)
