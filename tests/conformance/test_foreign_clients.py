"""A client that is not installed: its tests are skipped at home and fail in CI."""

from __future__ import annotations

from pathlib import Path

import foreign_clients
import pytest


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(foreign_clients, "AWS_COMMAND", tmp_path / "aws")
    monkeypatch.setattr(foreign_clients, "JAVASCRIPT_SDK", tmp_path / "sdk")


@pytest.mark.usefixtures("nothing_installed")
@pytest.mark.parametrize("find", [foreign_clients.aws_command, foreign_clients.node_command])
@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)], ids=["CI", "at home"]
)
def test_a_missing_client(
    monkeypatch: pytest.MonkeyPatch, find: object, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    assert callable(find)
    with pytest.raises(outcome, match="run `make test-clients`"):
        find()
