import os
import tempfile
from collections.abc import Iterator

# Before Airflow is imported anywhere: it writes its configuration there.
os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-home-"))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")

import pytest
from postgresql_server import PostgresqlServer
from review_desk_fixtures import postgresql

__all__ = ["own_postgresql", "postgresql"]


@pytest.fixture
def own_postgresql() -> Iterator[PostgresqlServer]:
    """A server that no other test uses, so that this one may end it."""
    server = PostgresqlServer()
    server.start()
    yield server
    server.stop()
