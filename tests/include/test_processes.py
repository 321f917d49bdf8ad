"""Processes of the stack: ended with their children, and never anybody else's."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from include.demo.processes import Command, ManagedProcess, end_leftovers, run_once, sole_supervisor
from include.demo.settings import DemoError, SettingError, read_settings
from include.demo.stack import Stack

# A parent with a child in a process group of its own, as Airflow's tasks are.
FAMILY = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import os, time; os.setpgid(0, 0); time.sleep(600)"])
print("ready", flush=True)
time.sleep(600)
"""
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"


def start(folder: Path, program: str, name: str = "family") -> ManagedProcess:
    command = Command(name, (sys.executable, "-c", program), dict(os.environ), folder)
    process = ManagedProcess(command, folder)
    process.start()
    for _ in range(200):
        if process.log_path.exists() and "ready" in process.log_path.read_text():
            return process
        time.sleep(0.05)
    raise AssertionError(process.last_lines())


def session(pid: int) -> list[psutil.Process]:
    found = []
    for other in psutil.pids():
        try:
            if os.getsid(other) == pid and psutil.Process(other).status() != psutil.STATUS_ZOMBIE:
                found.append(psutil.Process(other))
        except (OSError, psutil.Error):
            continue
    return found


def pid_of(process: ManagedProcess) -> int:
    return int(json.loads(process.record_path.read_text())["pid"])


@pytest.fixture
def family(tmp_path: Path) -> Iterator[ManagedProcess]:
    process = start(tmp_path, FAMILY)
    yield process
    process.stop(1)


def test_stopping_ends_the_children_too(family: ManagedProcess) -> None:
    pid = pid_of(family)
    for _ in range(100):
        if len(session(pid)) == 2:
            break
        time.sleep(0.05)
    assert len(session(pid)) == 2
    family.stop(5)
    assert session(pid) == []
    assert not family.record_path.exists()


def test_a_process_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    process = start(tmp_path, DEAF)
    pid = pid_of(process)
    process.stop(0.5)
    assert session(pid) == []
    assert process.exit_status() == "was ended by SIGKILL"


def test_leftovers_of_a_killed_run_are_ended(family: ManagedProcess, tmp_path: Path) -> None:
    pid = pid_of(family)
    psutil.Process(pid).kill()  # the leader is gone, its child is not
    assert end_leftovers(tmp_path) == ["family"]
    assert session(pid) == []
    assert not family.record_path.exists()


def test_a_process_that_has_the_recorded_number_by_chance_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
    )
    try:
        record = tmp_path / "run" / "scheduler.json"
        record.parent.mkdir()
        record.write_text(json.dumps({"pid": stranger.pid, "started": time.time() - 5000, "command": []}))
        assert end_leftovers(tmp_path) == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": -1}', '{"pid": null}'])
def test_a_damaged_record_ends_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "scheduler.json").write_text(text)
    assert end_leftovers(tmp_path) == []


def test_one_supervisor_at_a_time(tmp_path: Path) -> None:
    with (
        sole_supervisor(tmp_path),
        pytest.raises(DemoError, match=rf"\(process {os.getpid()}\) works in"),
        sole_supervisor(tmp_path),
    ):
        pass
    with sole_supervisor(tmp_path):
        pass


def test_a_failed_command_tells_its_last_lines(tmp_path: Path) -> None:
    command = Command("it", (sys.executable, "-c", "raise SystemExit('no such team')"), {}, tmp_path)
    with pytest.raises(DemoError, match="it failed \\(status 1\\):\n    no such team"):
        run_once(command)


def test_a_port_in_use_is_named_with_the_variable_that_moves_it(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = read_settings(
            {"BUILD": str(tmp_path), "REVIEW_DESK_PORT": str(port), "S3_PYTHON": sys.executable}
            | {"AIRFLOW_PORT": "1", "S3_PORT": "2"}
        )
        with pytest.raises(DemoError) as caught:
            Stack(settings, print).prepare()
    line = next(line for line in str(caught.value).splitlines() if str(port) in line)
    assert line.startswith(f"port {port} for Review Desk is in use by ")
    assert f"(process {os.getpid()})" in line
    assert "REVIEW_DESK_PORT=" in line


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("FORMS", "0", "FORMS=0: it must be a whole number from 1 to 500"),
        ("FORMS", "2.5", "FORMS=2.5: it must be a whole number from 1 to 500"),
        ("AIRFLOW_PORT", "99999", "AIRFLOW_PORT=99999: it must be a whole number from 1 to 65535"),
        ("THRESHOLD", "nan", "THRESHOLD=nan: it must be a number from 0 to 100"),
        ("REVIEWERS", "you", "REVIEWERS=you: it can be simulated or me"),
        ("S3_PORT", "8080", "AIRFLOW_PORT, REVIEW_DESK_PORT, S3_PORT must be three different ports"),
    ],
)
def test_a_wrong_setting_is_told_in_one_line(variable: str, value: str, message: str) -> None:
    with pytest.raises(SettingError) as caught:
        read_settings({variable: value})
    assert str(caught.value) == message


def test_empty_variables_count_as_not_set() -> None:
    assert read_settings({"FORMS": "", "REVIEWERS": " "}) == read_settings({})


def test_the_users_own_aws_settings_do_not_reach_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    from include.demo.credentials import load_credentials
    from include.demo.environment import airflow_environment, review_desk_environment, s3_environment

    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", "aws://")
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://")
    settings = read_settings({"BUILD": "/nonexistent"})
    monkeypatch.setattr("include.demo.credentials.keep", lambda credentials, _folder: credentials)
    credentials = load_credentials(settings.build)
    for variables in (
        s3_environment(settings),
        review_desk_environment(settings),
        airflow_environment(settings, credentials),
    ):
        assert "AWS_PROFILE" not in variables
        assert "AWS_SESSION_TOKEN" not in variables
        assert not {"aws://", "postgresql://"} & set(variables.values())
