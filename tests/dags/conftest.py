"""An Airflow of its own for Dags: a home, a migrated database, and nothing from outside but its connection."""

from __future__ import annotations

import pytest
from airflow_home import AirflowHome


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> AirflowHome:
    """A migrated Airflow home."""
    home = AirflowHome(tmp_path_factory.mktemp("airflow"))
    home.command("db", "migrate").check_returncode()
    return home
