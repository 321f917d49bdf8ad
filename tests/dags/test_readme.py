"""The README's Dag is one that Airflow loads."""

from __future__ import annotations

import re
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag

ROOT = Path(__file__).parents[2]


def test_the_readmes_dag_loads(tmp_path: Path) -> None:
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (tmp_path / "readme.py").write_text(code)
    bag = DagBag(tmp_path, collect_dags=True)
    assert bag.import_errors == {}
    assert [task.task_id for task in bag.dags["review_predictions"].topological_sort()] == [
        "human_review.create_human_task_ui",
        "human_review.create_flow_definition",
        "human_review.start_reviews",
        "human_review.wait_for_reviews",
        "human_review.collect_reviews",
        "use",
    ]


def test_every_dag_has_its_place_in_readme_and_guide() -> None:
    for page in (ROOT / "README.md", ROOT / "docs" / "dags.md"):
        for dag in (ROOT / "dags").glob("*.py"):
            assert f"dags/{dag.name})" in page.read_text(), f"{page.name}: {dag.name}"


def test_what_the_guide_quotes_stands_in_the_dags() -> None:
    """A block of Python that begins with ``# dags/…`` is that file's, line by line."""
    quotes = re.findall(
        r"```python\n# (dags/\S+)\n(.*?)```", (ROOT / "docs" / "dags.md").read_text(), re.DOTALL
    )
    assert {name for name, _ in quotes} == {f"dags/{dag.name}" for dag in (ROOT / "dags").glob("*.py")}
    for name, quoted in quotes:
        assert quoted in (ROOT / name).read_text(), f"{name}:\n{quoted}"


def test_the_readmes_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
