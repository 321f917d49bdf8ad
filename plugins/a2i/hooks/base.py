"""What all hooks of the library share."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from a2i.compat import AirflowNotFoundException, BaseHook
from a2i.exceptions import A2IUserError

DEFAULT_CONNECTION = "aws_default"
_WAITERS = Path(__file__).parents[1] / "waiters"


class A2IHookMixin:
    """A hook of the Amazon provider that takes a connection's name seriously and has our waiters."""

    aws_conn_id: str | None
    client_type: str | None
    if TYPE_CHECKING:
        conn: Any
        conn_client_meta: Any

        async def get_async_conn(self) -> Any: ...

    @cached_property
    def conn_config(self) -> Any:
        """The settings of the connection, or of the one that it names for this hook's service.

        Review Desk knows other keys than AWS does. So ``service_config`` may name a connection of its own for a
        service, beside the provider's settings: ``{"sagemaker": {"aws_conn_id": "review_desk"}}``.

        :raises A2IUserError: if no such connection exists.
        """
        config = self._existing_conn_config()
        named = config.get_service_config(self.client_type).get("aws_conn_id")
        if not named or named == self.aws_conn_id:
            return config
        self.aws_conn_id = named
        # The provider's property keeps its value under the same name: without this it would return the first one.
        self.__dict__.pop("conn_config", None)
        return self._existing_conn_config()

    def _existing_conn_config(self) -> Any:
        """Read the connection.

        The provider replaces a connection that does not exist by boto3's own credential chain, with a warning only:
        a mistyped id would run as whatever role the worker has. Only ``aws_default`` may be missing, as everywhere
        in the provider.
        """
        if self.aws_conn_id and self.aws_conn_id != DEFAULT_CONNECTION:
            try:
                BaseHook.get_connection(self.aws_conn_id)
            except AirflowNotFoundException:
                raise A2IUserError(
                    f"There is no Airflow connection {self.aws_conn_id!r}: correct aws_conn_id, or create the "
                    "connection with type 'aws'."
                ) from None
        return super().conn_config  # type: ignore[misc]

    @cached_property
    def waiter_path(self) -> Path | None:
        """Where the waiters of this hook's client stand; the provider looks in its own folder only."""
        path = _WAITERS / f"{self.client_type}.json"
        return path if path.exists() else None

    @property
    def is_amazon(self) -> bool:
        """Whether the requests go to AWS itself, and not to a service that speaks its API."""
        host = urlsplit(str(self.conn_client_meta.endpoint_url)).hostname or ""
        return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))

    @property
    def place(self) -> str:
        """Where this hook's requests go, for a message: connection, Region and endpoint."""
        meta = self.conn_client_meta
        name = f"connection {self.aws_conn_id!r}" if self.aws_conn_id else "boto3's default credentials"
        return f"{name}, Region {meta.region_name}, endpoint {meta.endpoint_url}"
