"""Running Airflow's own command line in a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass
class AirflowHome:
    """A home directory with its SQLite database; ``variables`` are environment variables for every command."""

    directory: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AIRFLOW"))
        }
        return {
            **inherited,
            "AIRFLOW_HOME": str(self.directory),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}",
            "NO_COLOR": "1",
            **self.variables,
        }

    def command(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run ``airflow …`` to its end; stderr is part of stdout."""
        return subprocess.run(
            [str(Path(sys.executable).parent / "airflow"), *arguments],
            env={**self.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            cwd=self.directory,
        )

    def run_dag(
        self, dag_id: str, file: Path, conf: dict[str, Any] | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a Dag once, triggers included, as ``dag.test()`` does."""
        return self.command(
            *("dags", "test", dag_id, "--dagfile-path", str(file), "--conf", json.dumps(conf or {})),
            **{"AIRFLOW__CORE__DAGS_FOLDER": str(file.parent), **variables},
        )
