"""Work teams. Their members are workers of the portal; MemberDefinitions are kept as they came."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select, update

from review_desk.engine.arns import Scope
from review_desk.engine.audit import record
from review_desk.engine.errors import InvalidError
from review_desk.engine.named import Kind, NamedStore
from review_desk.engine.tables import flow_definition, workteam


class WorkteamStore(NamedStore):
    """The only door to work teams."""

    kind = Kind(workteam, "workteam", "work team")

    def create(self, scope: Scope, name: str, description: str, request: dict[str, Any]) -> str:
        """Create a work team without members and return its ARN.

        :raises InUseError: the name is taken.
        """
        values = {"description": description, "request": request}
        return self._create(scope, name, values, request.get("Tags", []))

    def update(self, scope: Scope, name: str, changes: dict[str, Any]) -> Row[Any]:
        """Change a team's description or definitions; what is not named stays. Return the row.

        :raises NotFoundError: no such team.
        """
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
        :raises InvalidError: a flow definition uses it.
        """
        with self._database.write() as connection:
            row = self._existing(connection, scope, name, lock=True)
            user = connection.execute(
                select(flow_definition.c.name)
                .where(flow_definition.c.workteam_id == row.id, flow_definition.c.deleted_at.is_(None))
                .limit(1)
            ).scalar_one_or_none()
            if user:
                raise InvalidError(
                    f"The work team {name!r} is used by the flow definition {user!r}: delete that first."
                )
            self._delete(connection, scope, row)
