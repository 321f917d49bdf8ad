"""Who may import whom (DESIGN: the service never imports Airflow, the operators never the service)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PURE_MODULES = {
    "naming",
    "answers",
    "consensus",
    "activation",
    "activation_checks",
    "activation_data",
    "activation_parameters",
    "activation_tree",
    "agreement",
    "agreement_counts",
    "dawid_skene",
    "json_path",
    "normalisers",
}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{name.name}" for name in node.names)
    return found


def top_level(modules: set[str]) -> set[str]:
    return {module.split(".")[0] for module in modules}


def files(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, folder
    return found


@pytest.mark.parametrize("path", files("review_desk"), ids=str)
def test_the_service_imports_neither_airflow_nor_the_operators(path: Path) -> None:
    modules = imports(path)
    assert "airflow" not in top_level(modules)
    for module in modules:
        if module.split(".")[0] == "a2i" and module != "a2i":
            assert module.split(".")[1] in PURE_MODULES, module


@pytest.mark.parametrize("path", files("plugins"), ids=str)
def test_the_operators_never_import_the_service(path: Path) -> None:
    assert not top_level(imports(path)) & {"review_desk", "include", "fastapi"}


@pytest.mark.parametrize("name", sorted(PURE_MODULES))
def test_pure_modules_import_neither_airflow_nor_boto(name: str) -> None:
    path = ROOT / "plugins" / "a2i" / f"{name}.py"
    assert not top_level(imports(path)) & {"airflow", "boto3", "botocore", "aiobotocore", "review_desk"}


@pytest.mark.parametrize("path", files("dags"), ids=str)
def test_dags_import_the_operators_and_include_only(path: Path) -> None:
    assert "review_desk" not in top_level(imports(path))
