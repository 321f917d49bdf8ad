"""Settings of the service, read from ``REVIEW_DESK_*`` environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url

REGION_PATTERN = r"^[a-z]{2,}(-[a-z]+)+-[0-9]+$"


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
    region: Annotated[str, StringConstraints(pattern=REGION_PATTERN)] = Field(
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
    event_sqs_queue_url: str | None = Field(
        default=None, description="SQS queue that gets an event for every human loop that ends."
    )
    event_webhook_url: str | None = Field(
        default=None, description="Address that gets the same event by HTTP POST, signed."
    )
    event_webhook_secret: str | None = Field(
        default=None, description="Shared secret of the webhook's signatures; needed with its address."
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

    @model_validator(mode="after")
    def _webhook_has_secret(self) -> Self:
        if self.event_webhook_url and not self.event_webhook_secret:
            raise ValueError(
                "REVIEW_DESK_EVENT_WEBHOOK_SECRET is needed: without it receivers cannot trust an event"
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
