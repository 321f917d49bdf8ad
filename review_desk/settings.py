"""Settings of the service, read from ``REVIEW_DESK_*`` environment variables."""

from __future__ import annotations

import json
import re
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, StringConstraints, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url

REGION_PATTERN = r"^[a-z]{2,}(-[a-z]+)+-[0-9]+$"
LONGEST_REGION = 32

LONGEST_EMAIL = 254
"""Characters of an e-mail address (RFC 5321, 4.5.3.1.3, without the angle brackets)."""
EMAIL_PATTERN = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def is_safe_address(address: str) -> bool:
    """Whether nobody on the way can read or change what is exchanged with ``address``."""
    parts = urlsplit(address)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    )


def is_email_address(text: str) -> bool:
    """Whether a mail server can be given ``text`` as an address: ASCII, one ``@``, at most 254 characters."""
    return len(text) <= LONGEST_EMAIL and EMAIL_PATTERN.fullmatch(text) is not None


def _parsed_group_teams(value: Any) -> Any:
    """Read ``group=team,group2=team2`` or ``{"group": "team", "group2": ["team", "team2"]}``."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("{"):
        try:
            pairs = json.loads(value).items()
        except ValueError as error:
            raise ValueError(f"it begins like a JSON object, but is none: {error}") from error
        return {group: [teams] if isinstance(teams, str) else teams for group, teams in pairs}
    result: dict[str, list[str]] = {}
    for pair in filter(None, map(str.strip, value.split(","))):
        group, equals, team = pair.rpartition("=")
        if not (group.strip() and equals and team.strip()):
            raise ValueError(f"{pair!r} is not group=team")
        result.setdefault(group.strip(), []).append(team.strip())
    return result


class Settings(BaseSettings):
    """What one installation of Review Desk is told from outside.

    Storage credentials are the usual ``AWS_*`` variables, read by boto3 itself.
    """

    model_config = SettingsConfigDict(env_prefix="REVIEW_DESK_", env_ignore_empty=True, extra="ignore")

    database_url: str = Field(
        default="sqlite:///review_desk.db",
        description="SQLAlchemy URL. SQLite for one process, postgresql+psycopg:// for more.",
    )
    account_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")] = Field(
        default="000000000000", description="Twelve digits that stand for the AWS account in every ARN."
    )
    region: Annotated[str, StringConstraints(pattern=REGION_PATTERN, max_length=LONGEST_REGION)] = Field(
        default="us-east-1", description="Region of work teams created by command."
    )
    public_url: str = Field(
        default="http://127.0.0.1:8700", description="Where reviewers' browsers reach the portal."
    )
    s3_endpoint_url: str | None = Field(
        default=None, description="S3-compatible store for documents and answers. Empty: Amazon S3."
    )
    metrics_token: str | None = Field(
        default=None, description="Bearer token that /metrics asks for. Empty: there is no /metrics."
    )
    readable_buckets: str = Field(
        default="", description="Buckets, by commas, whose objects templates may show; empty: every bucket."
    )
    requests_per_second: Annotated[float, Field(ge=0)] = Field(
        default=0, description="Requests a second that one access key may send to one process; 0: no limit."
    )
    open_loop_quota: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Human loops that may be in progress at once in a Region; 0: no limit."
    )
    task_time_extensions: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=10,
        description="How often a worker may extend the time for a task, each time by TaskTimeLimitInSeconds. "
        "WCAG 2.2.1 asks for 10; 0: never.",
    )
    flow_definition_limit: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Flow definitions that a Region may hold; 0: no limit. Amazon A2I's is 100."
    )
    human_task_ui_limit: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Human task UIs that a Region may hold; 0: no limit. Amazon A2I's is 100."
    )
    workteam_limit: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Work teams that a Region may hold; 0: no limit. Amazon A2I's is 25."
    )
    crowd_script: Literal["own", "cdn"] = Field(
        default="own",
        description="Whose crowd-* elements templates get: own, or AWS's from its network (cdn).",
    )
    prepare_next_task: bool = Field(
        default=True,
        description="Whether the page of a worker's next task is loaded behind the present one, before it is claimed.",
    )
    check_output_buckets: bool = Field(
        default=True, description="Whether a flow definition is Active only once its output bucket answers."
    )
    event_sqs_queue_url: str | None = Field(
        default=None, description="SQS queue that gets an event for every human loop that ends."
    )
    event_webhook_url: str | None = Field(
        default=None, description="Address that gets the same event by HTTP POST, signed."
    )
    event_webhook_secret: str | None = Field(
        default=None, description="Shared secret of the webhook's signatures; needed with its address."
    )
    smtp_url: str | None = Field(
        default=None,
        description="Mail server of the notices of new work: smtp://user:password@host:port, or smtps://.",
    )
    notice_from: str | None = Field(
        default=None, description="Sender of these notices; needed with the mail server."
    )
    notice_webhook_url: str | None = Field(
        default=None,
        description="Address that gets a notice of new work for each worker by HTTP POST, signed.",
    )
    notice_webhook_secret: str | None = Field(
        default=None, description="Shared secret of its signatures; needed with its address."
    )
    notice_minutes: Annotated[int, Field(ge=1, le=1440)] = Field(
        default=15, description="A worker is told of new work at most once in so many minutes."
    )
    secret_key: str | None = Field(
        default=None, description="Fernet key that encrypts access keys and signs links. Empty: a key file."
    )
    secret_key_file: Path | None = Field(
        default=None, description="File of the Fernet key; created by `migrate` beside a SQLite database."
    )

    log_format: Literal["json", "text"] | None = Field(
        default=None, description="How `serve` writes its log; empty: text on a terminal, JSON elsewhere."
    )
    session_idle_minutes: Annotated[int, Field(ge=0)] = Field(
        default=120, description="A session ends when nothing was done in it for so long; 0: no such limit."
    )
    password_sign_in: bool = Field(default=True, description="Whether workers may sign in with a password.")
    oidc_issuer: str | None = Field(
        default=None, description="Issuer of the OpenID Connect provider that workers may sign in with."
    )
    oidc_name: str | None = Field(
        default=None, description="What the sign-in page calls the provider. Empty: its host name."
    )
    oidc_client_id: str | None = Field(default=None, description="This installation's id at the provider.")
    oidc_client_secret: str | None = Field(
        default=None, description="Its secret there; empty for a public client."
    )
    oidc_scopes: str = Field(
        default="openid profile email groups", description="Scopes that are asked for, by blanks."
    )
    oidc_username_claim: str = Field(
        default="preferred_username", description="Claim that becomes the user name at the first sign-in."
    )
    oidc_groups_claim: str = Field(default="groups", description="Claim with the groups of a worker.")
    oidc_group_teams: Annotated[
        dict[str, tuple[str, ...]], NoDecode, BeforeValidator(_parsed_group_teams)
    ] = Field(default={}, description="Work teams by group: group=team,group2=team2, or a JSON object.")
    oidc_lead_group: str | None = Field(default=None, description="Group whose members are leads.")
    oidc_admin_group: str | None = Field(default=None, description="Group whose members are admins.")

    @model_validator(mode="after")
    def _provider_is_whole(self) -> Self:
        if self.oidc_issuer is None:
            if not self.password_sign_in:
                raise ValueError(
                    "REVIEW_DESK_PASSWORD_SIGN_IN=false needs REVIEW_DESK_OIDC_ISSUER: else nobody could sign in"
                )
            return self
        if not self.oidc_client_id:
            raise ValueError("REVIEW_DESK_OIDC_CLIENT_ID is needed with REVIEW_DESK_OIDC_ISSUER")
        if not is_safe_address(self.oidc_issuer):
            raise ValueError(
                "REVIEW_DESK_OIDC_ISSUER must start with https:// (http:// only on this machine, for tests)"
            )
        if "openid" not in self.oidc_scopes.split():
            raise ValueError("REVIEW_DESK_OIDC_SCOPES must contain openid")
        return self

    @model_validator(mode="after")
    def _webhook_has_secret(self) -> Self:
        if self.event_webhook_url and not self.event_webhook_secret:
            raise ValueError(
                "REVIEW_DESK_EVENT_WEBHOOK_SECRET is needed: without it receivers cannot trust an event"
            )
        return self

    @model_validator(mode="after")
    def _notices_are_whole(self) -> Self:
        # Nothing of the addresses is repeated here: they may hold a password.
        if self.smtp_url:
            try:
                parts = urlsplit(self.smtp_url)
                is_address = parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.port != 0
            except ValueError:
                is_address = False
            if not is_address:
                raise ValueError("REVIEW_DESK_SMTP_URL must be smtp://user:password@host:port or smtps://…")
            sender = self.notice_from or ""
            if not (sender.isprintable() and is_email_address(parseaddr(sender)[1])):
                raise ValueError(
                    "REVIEW_DESK_NOTICE_FROM is needed with REVIEW_DESK_SMTP_URL: an e-mail address"
                )
        if self.notice_webhook_url and not self.notice_webhook_secret:
            raise ValueError(
                "REVIEW_DESK_NOTICE_WEBHOOK_SECRET is needed: without it receivers cannot trust a notice"
            )
        return self

    @property
    def readable_bucket_names(self) -> frozenset[str]:
        """The buckets of ``readable_buckets``."""
        return frozenset(name.strip() for name in self.readable_buckets.split(",") if name.strip())

    def key_file(self) -> Path | None:
        """Path of the key file: the configured one, or one beside the SQLite database."""
        if self.secret_key_file:
            return self.secret_key_file
        url = make_url(self.database_url)
        if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
            return Path(url.database).with_suffix(".key")
        return None
