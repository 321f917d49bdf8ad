"""Passwords of workers: argon2id hashes, never the passwords themselves."""

from __future__ import annotations

import secrets
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from review_desk.engine.errors import InvalidError

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 1024
NO_PASSWORD = ""
"""The stored hash of a worker who has no password: an identity provider vouches for them."""


class Passwords:
    """Hashes and checks passwords. Both take about a tenth of a second of processor time and 64 MiB, on purpose.

    :param hasher: another than argon2-cffi's defaults, for tests that cannot wait.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()

    def hashed(self, password: str) -> str:
        """Return what is stored of a new password.

        :raises InvalidError: too short or too long.
        """
        if len(password) < SHORTEST_PASSWORD:
            raise InvalidError(f"The password is too short: at least {SHORTEST_PASSWORD} characters.")
        if len(password) > LONGEST_PASSWORD:
            raise InvalidError(f"The password is too long: at most {LONGEST_PASSWORD} characters.")
        return self._hasher.hash(password)

    def match(self, stored: str | None, password: str) -> bool:
        """Whether the password is the stored one; it takes as long when there is none."""
        try:
            return self._hasher.verify(stored or self._nobodys, password) and bool(stored)
        except (VerificationError, InvalidHashError):
            return False

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe())
