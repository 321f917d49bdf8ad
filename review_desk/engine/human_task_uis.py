"""Human task UIs: worker task templates under a name."""

from __future__ import annotations

import hashlib

from review_desk.engine.arns import Scope
from review_desk.engine.named import Kind, NamedStore, Tags
from review_desk.engine.tables import human_task_ui


class HumanTaskUiStore(NamedStore):
    """The only door to human task UIs."""

    kind = Kind(human_task_ui, "human-task-ui", "human task UI", "REVIEW_DESK_HUMAN_TASK_UI_LIMIT")

    def create(self, scope: Scope, name: str, content: str, tags: Tags) -> str:
        """Create a worker task template and return its ARN.

        :raises InUseError: the name is taken.
        :raises QuotaError: there are as many as there may be.
        """
        digest = hashlib.sha256(content.encode()).hexdigest()
        return self._create(scope, name, {"content": content, "content_sha256": digest}, tags)

    def delete(self, scope: Scope, name: str) -> None:
        """Delete a UI: flow definitions built on it start no more loops, loops that have started go on.

        :raises NotFoundError: no such UI.
        """
        with self._database.write() as connection:
            self._delete(connection, scope, self._existing(connection, scope, name, lock=True))
