"""What a worker may do in the portal."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Each role may do what the one before it may."""

    WORKER = "worker"
    LEAD = "lead"
    ADMIN = "admin"

    def is_at_least(self, role: Role) -> bool:
        """Whether this role may do what ``role`` may."""
        order = list(Role)
        return order.index(self) >= order.index(role)
