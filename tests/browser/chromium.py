"""The installed Chromium and how it is started."""

from __future__ import annotations

import os
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str:
    """The path of an installed Chromium; without one the tests are skipped, but fail where CI is set."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found:
        return found
    message = f"no Chromium ({', '.join(NAMES)}): on Debian, install it with 'apt-get install chromium'"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
