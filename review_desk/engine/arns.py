"""Amazon Resource Names of Review Desk's resources; the same shapes as Amazon A2I's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scope:
    """The account and Region in which a request acts."""

    account_id: str
    region: str

    def arn(self, kind: str, name: str) -> str:
        """Build an ARN; ``kind`` is ``human-loop``, ``flow-definition``, ``human-task-ui`` or ``workteam``."""
        if kind == "workteam":
            name = f"private-crowd/{name}"
        return f"arn:aws:sagemaker:{self.region}:{self.account_id}:{kind}/{name}"

    def name_of(self, arn: str, kind: str) -> str | None:
        """Return the resource's name if ``arn`` is one of ``kind`` in this account and Region."""
        prefix = self.arn(kind, "")
        name = arn.removeprefix(prefix)
        return name if name != arn and name else None
