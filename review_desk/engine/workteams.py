"""Work teams. Their members are workers of the portal; MemberDefinitions are kept as they came."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select, update

from review_desk.engine.arns import Scope
from review_desk.engine.audit import record
from review_desk.engine.errors import InUseError, QuotaError
from review_desk.engine.named import Kind, NamedStore
from review_desk.engine.tables import flow_definition, workteam

MOST_GROUPS = 10
"""User groups of all MemberDefinitions together (SageMaker API reference, OidcMemberDefinition: one to ten)."""


class WorkteamStore(NamedStore):
    """The only door to work teams."""

    kind = Kind(workteam, "workteam", "work team", "REVIEW_DESK_WORKTEAM_LIMIT")

    def create(self, scope: Scope, name: str, description: str, request: dict[str, Any]) -> str:
        """Create a work team without members and return its ARN.

        :raises InUseError: the name is taken.
        :raises QuotaError: there are as many as there may be, or the team has more than ten groups.
        """
        _check_groups(request)
        values = {"description": description, "request": request}
        return self._create(scope, name, values, request.get("Tags", []))

    def update(self, scope: Scope, name: str, changes: dict[str, Any]) -> Row[Any]:
        """Change a team's description or definitions; what is not named stays. Return the row.

        :raises NotFoundError: no such team.
        :raises QuotaError: it would have more than ten groups.
        """
        _check_groups(changes)
        now = self._clock.now()
        with self._database.write() as connection:
            row = self._existing(connection, scope, name, lock=True)
            connection.execute(
                update(workteam)
                .where(workteam.c.id == row.id)
                .values(
                    description=changes.get("Description", row.description),
                    request={**row.request, **changes},
                    updated_at=now,
                )
            )
            arn = scope.arn(self.kind.arn_kind, name)
            record(connection, now, "UpdateWorkteam", self.kind.arn_kind, arn, {"changed": sorted(changes)})
            return self._existing(connection, scope, name)

    def delete(self, scope: Scope, name: str) -> None:
        """Delete a team that no flow definition uses; its members stay workers.

        :raises NotFoundError: no such team.
        :raises InUseError: a flow definition uses it.
        """
        with self._database.write() as connection:
            row = self._existing(connection, scope, name, lock=True)
            user = connection.execute(
                select(flow_definition.c.name)
                .where(flow_definition.c.workteam_id == row.id, flow_definition.c.deleted_at.is_(None))
                .limit(1)
            ).scalar_one_or_none()
            if user:
                raise InUseError(
                    f"The flow definition {user!r} uses the work team {name!r}: delete that first."
                )
            self._delete(connection, scope, row)


def _check_groups(request: dict[str, Any]) -> None:
    groups = 0
    for member in request.get("MemberDefinitions", []):
        groups += len(member.get("OidcMemberDefinition", {}).get("Groups", []))
        groups += "CognitoMemberDefinition" in member
    if groups > MOST_GROUPS:
        raise QuotaError(
            f"MemberDefinitions name {groups} user groups; a work team has at most {MOST_GROUPS}. Make several teams."
        )
