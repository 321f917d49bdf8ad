"""Every Dag is imported without errors and keeps to the house rules; plugins load as they should."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from airflow_home import ROOT, AirflowHome


def printed_json(output: str) -> Any:
    """What a command printed last, after its log."""
    lines = output.splitlines()
    first = max(index for index, line in enumerate(lines) if line.startswith("[") and " " not in line[:2])
    return json.loads("\n".join(lines[first:]))


DAGS = sorted(path.stem for path in (ROOT / "dags").glob("*.py"))


def test_no_import_errors(airflow_home: AirflowHome) -> None:
    run = airflow_home.command("dags", "list-import-errors", "--local", "--output", "json")
    assert printed_json(run.stdout) == [], run.stdout


@pytest.mark.parametrize("name", DAGS)
def test_importing_a_dag_asks_nobody(name: str, airflow_home: AirflowHome) -> None:
    """No service is called, and no model is loaded, while Airflow parses the file."""
    script = (
        "import socket, sys\n"
        "import airflow.sdk, a2i.compat, a2i.operators.human_loop_batch\n"
        "def refuse(*arguments): raise AssertionError('a connection was opened')\n"
        "socket.socket.connect = refuse\n"
        f"import {name}\n"
        "heavy = {'rapidocr', 'onnxruntime', 'cv2', 'PIL', 'fastapi'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    environment = {**airflow_home.environment, "PYTHONPATH": f"{ROOT}:{ROOT / 'dags'}:{ROOT / 'plugins'}"}
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_plugins_folder_is_the_one_plugin(airflow_home: AirflowHome) -> None:
    """The loader imports every module that .airflowignore does not name, under its bare file name."""
    run = airflow_home.command("plugins", "--output", "json")
    assert run.returncode == 0, run.stdout
    assert [plugin["name"] for plugin in printed_json(run.stdout) if "a2i" in plugin["source"]] == ["a2i"]
    assert "Failed to import plugin" not in run.stdout


@pytest.mark.parametrize("syntax", ["glob", "regexp"])
def test_airflowignore_holds_in_both_syntaxes(syntax: str) -> None:
    from airflow._shared.module_loading import find_path_from_directory

    found = find_path_from_directory(ROOT / "plugins", ".airflowignore", syntax)
    assert {str(path).removeprefix(f"{ROOT}/plugins/") for path in found if str(path).endswith(".py")} == {
        "a2i_plugin.py"
    }
