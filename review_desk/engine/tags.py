"""Tags of resources."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from review_desk.engine.arns import Scope
from review_desk.engine.audit import record
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import InvalidError, NotFoundError
from review_desk.engine.named import NamedStore, Tags, check_keys
from review_desk.engine.tables import tag

KIND = "tags"
MOST_TAGS = 50


class TagStore:
    """The only door to tags.

    :param stores: the kinds of resources that carry tags.
    """

    def __init__(self, database: Database, clock: Clock, stores: list[NamedStore]) -> None:
        self._database = database
        self._clock = clock
        self._stores = stores

    def add(self, scope: Scope, arn: str, tags: Tags) -> Tags:
        """Add tags, or overwrite those of the same key; return all of the resource's.

        :raises NotFoundError: no such resource.
        :raises InvalidError: it would have more than 50, or a key is given twice.
        """
        self._check(scope, arn)
        check_keys(tags)
        with self._database.write() as connection:
            keys = [item["Key"] for item in tags]
            connection.execute(delete(tag).where(tag.c.arn == arn, tag.c.key.in_(keys)))
            if tags:
                rows = [{"arn": arn, "key": item["Key"], "value": item["Value"]} for item in tags]
                connection.execute(insert(tag), rows)
            present = _tags(connection, arn)
            if len(present) > MOST_TAGS:
                raise InvalidError(f"{arn} would have {len(present)} tags; the most is {MOST_TAGS}.")
            if tags:
                record(connection, self._clock.now(), "AddTags", KIND, arn, {"keys": sorted(keys)})
        return present

    def list(self, scope: Scope, arn: str) -> Tags:
        """Return a resource's tags, by key.

        :raises NotFoundError: no such resource.
        """
        self._check(scope, arn)
        with self._database.read() as connection:
            return _tags(connection, arn)

    def remove(self, scope: Scope, arn: str, keys: Sequence[str]) -> None:
        """Remove tags; a key that is not there is no error.

        :raises NotFoundError: no such resource.
        """
        self._check(scope, arn)
        with self._database.write() as connection:
            removed = connection.execute(
                delete(tag).where(tag.c.arn == arn, tag.c.key.in_(keys)).returning(tag.c.key)
            ).scalars()
            gone = sorted(removed)
            if gone:
                record(connection, self._clock.now(), "DeleteTags", KIND, arn, {"keys": gone})

    def _check(self, scope: Scope, arn: str) -> None:
        if not any(store.find_arn(scope, arn) for store in self._stores):
            raise NotFoundError(f"{arn} does not exist, or is of a kind that has no tags here.")


def _tags(connection: Connection, arn: str) -> Tags:
    rows = connection.execute(select(tag).where(tag.c.arn == arn).order_by(tag.c.key)).all()
    return [{"Key": row.key, "Value": row.value} for row in rows]
