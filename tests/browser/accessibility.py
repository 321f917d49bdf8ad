"""axe-core, the accessibility rules that every screen and every element must keep."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Frame, Page

SCRIPT = Path(__file__).parent / "axe" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")


def grave_findings(shown: Page | Frame) -> list[str]:
    """Return what axe-core finds serious or critical in a page or a frame, one line each."""
    if not SCRIPT.exists():
        if os.environ.get("CI"):
            pytest.fail("axe-core is missing: run `make test-clients`.")
        pytest.skip("axe-core is missing: run `make test-clients`.")
    shown.evaluate(SCRIPT.read_text("utf-8"))
    found: dict[str, Any] = shown.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{violation['impact']} {violation['id']}: {violation['help']}: {node['target']} {node['html'][:120]}"
        for violation in found["violations"]
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]
