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
        "create_human_task_ui",
        "create_flow_definition",
        "start_reviews",
        "wait_for_reviews",
        "collect_reviews",
    ]


def test_the_readmes_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
