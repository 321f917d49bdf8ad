"""Passwords and keys of the local stack: made once, kept in ``build/credentials.json`` for its owner only."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

REVIEWER_NAMES = ("simulated-reviewer-1", "simulated-reviewer-2", "simulated-reviewer-3")
PERSON_NAMES = ("reviewer-1", "reviewer-2", "reviewer-3")


@dataclass(frozen=True)
class Credentials:
    """What the parts of the stack know one another by; ``access_key_*`` is empty until Review Desk made it."""

    airflow_password: str
    reviewer_password: str
    simulated_password: str
    jwt_secret: str
    api_secret_key: str
    fernet_key: str
    access_key_id: str = ""
    secret_access_key: str = ""


def load_credentials(folder: Path) -> Credentials:
    """Read the credentials, or make and keep new ones if there are none or the file is damaged."""
    try:
        data = json.loads(_path(folder).read_text(encoding="utf-8"))
        return Credentials(**{field.name: str(data[field.name]) for field in fields(Credentials)})
    except (OSError, ValueError, KeyError, TypeError):
        return keep(_new_credentials(), folder)


def with_access_key(credentials: Credentials, key_id: str, secret: str, folder: Path) -> Credentials:
    """Keep the access key that Review Desk made."""
    return keep(replace(credentials, access_key_id=key_id, secret_access_key=secret), folder)


def keep(credentials: Credentials, folder: Path) -> Credentials:
    """Write the credentials with mode 0600 and return them."""
    write_private(_path(folder), json.dumps(asdict(credentials), indent=2) + "\n")
    return credentials


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, at no moment otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


def _path(folder: Path) -> Path:
    return folder / "credentials.json"


def _new_credentials() -> Credentials:
    return Credentials(
        airflow_password=secrets.token_urlsafe(9),
        reviewer_password=secrets.token_urlsafe(9),
        simulated_password=secrets.token_urlsafe(18),
        jwt_secret=secrets.token_urlsafe(48),
        api_secret_key=secrets.token_urlsafe(48),
        fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    )
