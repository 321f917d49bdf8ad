"""The installation's one secret: it encrypts access keys at rest and seals links that need no cookie."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from review_desk.settings import Settings


class SecretKeyError(Exception):
    """The secret key is missing or is no Fernet key; the message says what to set."""


def create_key_file(settings: Settings) -> None:
    """Create the key file, readable by its owner only, unless a key is there already.

    :raises SecretKeyError: the database is no SQLite file and no key was configured.
    """
    if settings.secret_key:
        return
    path = settings.key_file()
    if path is None:
        raise SecretKeyError(
            "REVIEW_DESK_SECRET_KEY is not set: with this database the key has no default place. Make one with "
            "`python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'` "
            "and give the same to every process, or set REVIEW_DESK_SECRET_KEY_FILE."
        )
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # It gets its name when it is whole and on the disk, and only if no other process was first.
    with tempfile.NamedTemporaryFile(dir=path.parent) as file:
        file.write(Fernet.generate_key())
        file.flush()
        os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(file.name, path)


class SecretBox:
    """Encrypts short texts, and seals small JSON values into URL-safe tokens that expire."""

    def __init__(self, settings: Settings) -> None:
        key = settings.secret_key
        path = settings.key_file()
        if not key and path and path.exists():
            key = path.read_text().strip()
        if not key:
            where = f"key file {path} does not exist" if path else "REVIEW_DESK_SECRET_KEY is not set"
            raise SecretKeyError(f"{where}: run `review-desk migrate` first, or set REVIEW_DESK_SECRET_KEY.")
        try:
            self._fernet = Fernet(key)
        except ValueError as error:
            raise SecretKeyError("The secret key is not 32 url-safe base64 bytes (a Fernet key).") from error

    def encrypt(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Decrypt what :meth:`encrypt` made.

        :raises SecretKeyError: it was made with another key.
        """
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken as error:
            raise SecretKeyError(
                "A stored secret was encrypted with another key: restore the key file."
            ) from error

    def seal(self, purpose: str, value: dict[str, Any], *, now: int, lifetime: int) -> str:
        """Seal ``value`` for ``purpose`` until ``now + lifetime`` (epoch seconds, seconds)."""
        payload = json.dumps({"p": purpose, "e": now + lifetime, "v": value}, separators=(",", ":"))
        return self._fernet.encrypt(payload.encode()).decode()

    def unseal(self, purpose: str, token: str, *, now: int) -> dict[str, Any] | None:
        """Return the sealed value, or ``None`` if it is forged, of another purpose or out of date."""
        try:
            payload = json.loads(self._fernet.decrypt(token.encode()))
        except (InvalidToken, ValueError):
            return None
        if payload["p"] != purpose or payload["e"] < now:
            return None
        value: dict[str, Any] = payload["v"]
        return value
