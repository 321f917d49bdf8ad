"""What the batch modules need of a logger: Airflow's and the standard library's both have it."""

from __future__ import annotations

from typing import Any, Protocol


class Log(Protocol):
    """Takes a text with ``%`` places, and their values."""

    def info(self, event: str, /, *args: Any) -> Any:
        """Log what is worth knowing."""

    def warning(self, event: str, /, *args: Any) -> Any:
        """Log what someone should look at."""

    def error(self, event: str, /, *args: Any) -> Any:
        """Log what went wrong."""
