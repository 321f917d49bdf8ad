from collections.abc import Iterator

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
