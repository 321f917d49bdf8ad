"""What the pages for users claim, as far as it can be checked: blocks of code, versions, rights, connections."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import Connection
from botocore import xform_name
from packaging.requirements import Requirement
from packaging.version import Version

from a2i.hooks.a2i import A2IControlPlaneHook, A2IHook
from a2i.hooks.s3 import A2IS3Hook

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = [
    ROOT / "requirements.lock",
    *sorted((ROOT / "tests" / "airflow_versions").glob("*/requirements.lock")),
]
WHEEL = f"airflow_provider_a2i-{PROJECT['version']}-py3-none-any.whl"


def blocks(page: str, language: str) -> list[str]:
    """The blocks of code of a page in one language, without the indent of the list they stand in."""
    found = re.findall(
        rf"^( *)```{language}\n(.*?)^\1```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE
    )
    return [re.sub(rf"^{indent}", "", code, flags=re.MULTILINE) for indent, code in found]


def locked(lock: Path) -> dict[str, Version]:
    """The versions of a lock by distribution."""
    pins = re.findall(r"^([a-z0-9-]+)==([^ ;]+)", lock.read_text(), re.MULTILINE)
    return {name: Version(version) for name, version in pins}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_the_packages_own_requirements_hold_in_every_tested_version(lock: Path) -> None:
    versions = locked(lock)
    for requirement in map(Requirement, PROJECT["dependencies"]):
        assert versions[requirement.name] in requirement.specifier, requirement
    assert "aiobotocore" in versions


def test_the_page_names_the_tested_versions() -> None:
    rows = re.findall(
        r"^\| (3[\d.]+) \| ([\d.]+) \| \[", (ROOT / "docs/install.md").read_text(), re.MULTILINE
    )
    tested = {
        (str(versions["apache-airflow"]), str(versions["apache-airflow-providers-amazon"]))
        for versions in map(locked, LOCKS)
    }
    assert set(rows) == tested


@pytest.mark.parametrize("page", ["docs/mwaa.md", "docs/astro.md"])
def test_the_requirements_fit_every_tested_version(page: str) -> None:
    [text] = blocks(page, "requirements")
    for line in text.splitlines():
        if line.startswith("--constraint"):
            airflow = re.search(r"constraints-([\d.]+)/constraints-3\.1[1-4]\.txt", line)
            assert airflow is not None
            assert Version(airflow[1]) in {locked(lock)["apache-airflow"] for lock in LOCKS}
        elif line.startswith("/"):
            assert line == f"/usr/local/airflow/plugins/{WHEEL}"
        else:
            requirement = Requirement(line)
            for lock in LOCKS:
                assert locked(lock)[requirement.name] in requirement.specifier


@pytest.mark.parametrize("page", ["docs/install.md", "docs/mwaa.md"])
def test_the_wheel_has_the_name_that_the_pages_call_it(page: str) -> None:
    assert set(re.findall(r"airflow_provider_a2i[^\s/'\[]*\.whl", (ROOT / page).read_text())) == {WHEEL}


def test_the_extras_that_the_page_names_exist() -> None:
    named = re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs/install.md").read_text(), re.MULTILINE)
    assert named
    assert set(named) <= set(PROJECT["optional-dependencies"])


def test_the_dag_for_mwaa_loads(tmp_path: Path) -> None:
    [code] = blocks("docs/mwaa.md", "python")
    (tmp_path / "mwaa.py").write_text(code)
    bag = DagBag(tmp_path, collect_dags=True)
    assert bag.import_errors == {}
    assert bag.dags["review_on_mwaa"].get_task("create_human_task_ui").template_file == str(
        tmp_path / "templates" / "form_review.liquid.html"
    )


def test_the_role_may_call_what_the_operators_call_and_nothing_else_of_sagemaker() -> None:
    [policy] = [json.loads(text) for text in blocks("docs/mwaa.md", "json")]
    granted = {action for statement in policy["Statement"] for action in _list(statement["Action"])}
    source = "".join(path.read_text() for path in (ROOT / "plugins" / "a2i").rglob("*.py"))
    called = {
        f"sagemaker:{operation}"
        for service in ("sagemaker", "sagemaker-a2i-runtime")
        for operation in botocore.session.get_session().get_service_model(service).operation_names
        if re.search(rf"\b{xform_name(operation)}\b", source)
    }
    assert {name for name in granted if name.startswith("sagemaker:")} == called


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def astro_connections() -> dict[str, str]:
    [line] = blocks("docs/astro.md", "dotenv")
    name, _, value = line.strip().partition("=")
    assert name == "AIRFLOW_CONN_AWS_DEFAULT"
    [settings] = [yaml.safe_load(text)["airflow"] for text in blocks("docs/astro.md", "yaml")]
    [connection] = settings["connections"]
    assert connection.pop("conn_id") == "aws_default"
    document = {
        "conn_type": connection["conn_type"],
        "login": connection["conn_login"],
        "password": connection["conn_password"],
        "extra": connection["conn_extra"],
    }
    return {"environment": value, "settings file": json.dumps(document)}


@pytest.mark.parametrize("value", astro_connections().values(), ids=astro_connections().keys())
def test_astros_connection_leads_to_the_three_services(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", value)
    assert A2IHook().conn_client_meta.endpoint_url == "http://host.docker.internal:8700"
    assert A2IControlPlaneHook().conn_client_meta.endpoint_url == "http://host.docker.internal:8700"
    assert A2IS3Hook().conn_client_meta.endpoint_url == "http://host.docker.internal:9000"


def test_both_ways_on_astro_are_the_same_connection() -> None:
    first, second = (Connection.from_json(value) for value in astro_connections().values())
    assert first.extra_dejson == second.extra_dejson
    assert (first.login, first.password) == (second.login, second.password)


@pytest.mark.parametrize("page", ["docs/aws-without-a2i.md", "docs/without-aws.md"])
def test_the_connections_of_the_other_pages_lead_to_review_desk(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, *_ = blocks("docs/aws-without-a2i.md", "json")
    *_, own = blocks(page, "json")
    for name, extra in (("REVIEW_DESK", desk), ("AWS_DEFAULT", own)):
        document = {"conn_type": "aws", "login": name, "password": "secret", "extra": json.loads(extra)}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(document))
    for hook in (A2IHook(), A2IControlPlaneHook()):
        assert hook.conn_client_meta.endpoint_url == "https://review-desk.example.com"
        assert hook.get_credentials().access_key == "REVIEW_DESK"
    assert A2IS3Hook().get_credentials().access_key == "AWS_DEFAULT"


def test_the_files_that_the_pages_copy_exist() -> None:
    for page in (ROOT / "docs").glob("*.md"):
        for path in re.findall(r"`((?:include|dags|plugins)/[\w/.]*)`", page.read_text()):
            assert (ROOT / path).exists() or path.startswith("plugins/"), f"{page.name}: {path}"


def test_the_readme_leads_to_every_guide() -> None:
    linked = set(re.findall(r"\]\((docs/[\w-]+\.md)\)", (ROOT / "README.md").read_text()))
    assert linked >= {
        f"docs/{name}.md"
        for name in (
            "amazon-a2i",
            "aws-without-a2i",
            "without-aws",
            "mwaa",
            "astro",
            "install",
            "review-desk",
        )
    }
