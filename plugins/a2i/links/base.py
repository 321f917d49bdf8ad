"""What the links share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from a2i.compat import BaseAwsLink

if TYPE_CHECKING:
    from airflow.sdk import Context


class A2ILink(BaseAwsLink):
    """
    A link whose address the task stores while it runs: it depends on the connection.

    Stored before a task defers, it works while the task waits, and after it failed.
    """

    format_str = "{url}"

    def format_link(self, **kwargs: Any) -> str:
        """Return the address as the task stored it."""
        return str(kwargs.get("url") or "")

    @classmethod
    def store(cls, context: Context, operator: Any, url: str) -> None:
        """Store the address and write it to the task's log."""
        hook = operator.hook
        cls.persist(context, operator, hook.conn_region_name, hook.conn_partition, url=url)
        operator.log.info("%s: %s", cls.name, url)
