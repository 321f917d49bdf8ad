"""Where the clients of other makers are, which `make test-clients` installs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AWS_COMMAND = ROOT / ".tools/aws_cli/bin/aws"
JAVASCRIPT = Path(__file__).parent / "javascript"
JAVASCRIPT_SDK = JAVASCRIPT / "node_modules/@aws-sdk/client-sagemaker-a2i-runtime"


def aws_command() -> str:
    """The path of the aws command line; without it the test is skipped, in CI it fails."""
    return str(AWS_COMMAND) if AWS_COMMAND.exists() else _missing(f"{AWS_COMMAND} is not there")


def node_command() -> str:
    """The path of node, if the JavaScript SDK is there, too; otherwise the test is skipped, in CI it fails."""
    node = shutil.which("node")
    if node is None:
        return _missing("node is not installed")
    return node if JAVASCRIPT_SDK.exists() else _missing(f"{JAVASCRIPT_SDK} is not there")


def _missing(what: str) -> str:
    message = f"{what}: run `make test-clients`"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
