"""Access keys of the API's clients."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, insert, select, update

from review_desk.engine.audit import record
from review_desk.engine.clock import Clock
from review_desk.engine.database import Database
from review_desk.engine.errors import NotFoundError
from review_desk.engine.tables import access_key
from review_desk.secrets import SecretBox

KIND = "access-key"


@dataclass(frozen=True)
class AccessKey:
    """An access key, without its secret."""

    access_key_id: str
    name: str
    created_at: datetime
    revoked_at: datetime | None


class AccessStore:
    """The only door to access keys."""

    def __init__(self, database: Database, clock: Clock, secret_box: SecretBox) -> None:
        self._database = database
        self._clock = clock
        self._secret_box = secret_box

    def create_access_key(self, name: str) -> tuple[str, str]:
        """Create an access key and return its id and its secret; the secret is shown only now."""
        with self._database.write() as connection:
            key_id, secret = self._insert(connection, name)
            record(connection, self._clock.now(), "CreateAccessKey", KIND, key_id, {"name": name})
        return key_id, secret

    def rotate_access_key(self, access_key_id: str) -> tuple[str, str]:
        """Create a second key under the name of the first, which stays in force until it is revoked.

        :raises NotFoundError: no such key.
        """
        with self._database.write() as connection:
            name = _existing(connection, access_key_id).name
            key_id, secret = self._insert(connection, name)
            detail = {"name": name, "in_place_of": access_key_id}
            record(connection, self._clock.now(), "RotateAccessKey", KIND, key_id, detail)
        return key_id, secret

    def secret_of(self, access_key_id: str) -> str | None:
        """Return the secret of a key that is in force, else ``None``."""
        with self._database.read() as connection:
            row = connection.execute(
                select(access_key.c.secret_encrypted).where(
                    access_key.c.access_key_id == access_key_id, access_key.c.revoked_at.is_(None)
                )
            ).one_or_none()
        return self._secret_box.decrypt(row.secret_encrypted) if row else None

    def access_keys(self) -> list[AccessKey]:
        """Return every access key, oldest first, without its secret."""
        with self._database.read() as connection:
            rows = connection.execute(select(access_key).order_by(access_key.c.created_at)).all()
        return [AccessKey(row.access_key_id, row.name, row.created_at, row.revoked_at) for row in rows]

    def revoke_access_key(self, access_key_id: str) -> None:
        """Refuse a key from now on. Revoking it again changes nothing.

        :raises NotFoundError: no such key.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            row = _existing(connection, access_key_id)
            revoked = connection.execute(
                update(access_key)
                .where(access_key.c.access_key_id == access_key_id, access_key.c.revoked_at.is_(None))
                .values(revoked_at=now)
            ).rowcount
            if revoked:
                record(connection, now, "RevokeAccessKey", KIND, access_key_id, {"name": row.name})

    def _insert(self, connection: Connection, name: str) -> tuple[str, str]:
        key_id = "AKRD" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))
        secret = secrets.token_urlsafe(30)
        connection.execute(
            insert(access_key).values(
                access_key_id=key_id,
                name=name,
                secret_encrypted=self._secret_box.encrypt(secret),
                created_at=self._clock.now(),
            )
        )
        return key_id, secret


def _existing(connection: Connection, access_key_id: str) -> Row[tuple[str]]:
    row = connection.execute(
        select(access_key.c.name).where(access_key.c.access_key_id == access_key_id)
    ).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no access key {access_key_id!r}.")
    return row
