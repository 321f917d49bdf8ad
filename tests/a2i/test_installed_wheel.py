"""The wheel: what is in it, and what Airflow's own command line sees of it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from a2i.get_provider_info import get_provider_info

ROOT = Path(__file__).parents[2]
UV = ROOT / ".tools" / "bin" / "uv"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(directory)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    [path] = directory.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel installed, and nothing else."""
    directory = tmp_path_factory.mktemp("installed")
    command = [str(UV), "pip", "install", "--quiet", "--no-deps", "--no-index", "--offline"]
    command += ["--python", sys.executable, "--target", str(directory), str(wheel)]
    subprocess.run(command, check=True)
    return directory


def airflow(
    installed: Path, home: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run ``airflow …`` where the wheel is installed, outside of the checkout."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))
    }
    return subprocess.run(
        [str(Path(sys.executable).parent / "airflow"), *arguments, "--output", "json"],
        env={
            **inherited,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "PYTHONPATH": str(installed),
            **variables,
        },
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    )


def rows(run: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    # Airflow may log to stdout, before the document.
    found: list[dict[str, Any]] = json.loads(run.stdout[run.stdout.index("[{") :])
    return found


def test_the_wheel_has_every_file_of_both_packages_and_nothing_else(wheel: Path) -> None:
    expected = {"a2i_plugin.py"}
    for base, package in ((ROOT / "plugins", "a2i"), (ROOT, "review_desk")):
        expected |= {
            path.relative_to(base).as_posix()
            for path in (base / package).rglob("*")
            if path.is_file() and not {"__pycache__", "node_modules"} & set(path.parts)
        }
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == expected
    assert "a2i/waiters/sagemaker.json" in packed


def test_airflow_lists_the_provider(installed: Path, tmp_path: Path) -> None:
    [provider] = [
        row
        for row in rows(airflow(installed, tmp_path, "providers", "list"))
        if row["package_name"] == "airflow-provider-a2i"
    ]
    [metadata] = installed.glob("airflow_provider_a2i-*.dist-info")
    assert metadata.name == f"airflow_provider_a2i-{provider['version']}.dist-info"
    assert provider["description"].startswith("Human review with Amazon Augmented AI")


def test_airflow_lists_the_plugin(installed: Path, tmp_path: Path) -> None:
    [plugin] = [row for row in rows(airflow(installed, tmp_path, "plugins")) if row["name"] == "a2i"]
    assert plugin["source"].startswith("airflow-provider-a2i==")
    assert "a2i.links.review_portal.A2IReviewPortalLink" in str(plugin["operator_extra_links"])


def test_wheel_and_plugins_folder_together_register_once(installed: Path, tmp_path: Path) -> None:
    run = airflow(installed, tmp_path, "plugins", AIRFLOW__CORE__PLUGINS_FOLDER=str(ROOT / "plugins"))
    [plugin] = [row for row in rows(run) if row["name"] == "a2i"]
    assert plugin["source"] == "$PLUGINS_FOLDER/a2i_plugin.py"
    assert str(plugin["operator_extra_links"]).count("A2IReviewPortalLink") == 1


def test_the_providers_metadata_is_as_airflow_wants_it() -> None:
    import airflow

    info = get_provider_info()
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    jsonschema.validate(info, schema)
    for kind in ("operators", "sensors", "hooks", "triggers"):
        [entry] = info[kind]
        folder = ROOT / "plugins" / "a2i" / kind
        assert len(entry["python-modules"]) == len(list(folder.glob("*.py"))) - 1
        assert all(importlib.util.find_spec(module) for module in entry["python-modules"])
    assert "connection-types" not in info


def test_a_worker_imports_no_web_framework(installed: Path, tmp_path: Path) -> None:
    code = (
        "import importlib, pkgutil, sys, a2i, a2i_plugin\n"
        "for module in pkgutil.walk_packages(a2i.__path__, 'a2i.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(a2i.__file__)\n"
        "print(sorted({'fastapi', 'starlette', 'flask', 'review_desk'} & set(sys.modules)))\n"
    )
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "PYTHONPATH": str(installed)}
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines()[-2:] == [str(installed / "a2i" / "__init__.py"), "[]"]
