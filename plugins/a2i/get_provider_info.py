"""What Airflow says of this library as a provider: the ``apache_airflow_provider`` entry point."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

_INTEGRATION: Final = "Amazon Augmented AI (A2I)"


def get_provider_info() -> dict[str, Any]:
    """Return the metadata, as Airflow's ``provider_info.schema.json`` has it.

    There is no connection type of our own: the hooks run on the Amazon provider's connections of type ``aws``. The
    version is the one of the installed distribution.
    """
    return {
        "package-name": "airflow-provider-a2i",
        "name": _INTEGRATION,
        "description": "Human review with Amazon Augmented AI (A2I), or with Review Desk, which has the same API.",
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://docs.aws.amazon.com/sagemaker/latest/dg/a2i-use-augmented-ai-a2i-human-review-loops.html",
                "tags": ["aws"],
            }
        ],
        **{
            kind: [{"integration-name": _INTEGRATION, "python-modules": _modules(kind)}]
            for kind in ("operators", "sensors", "hooks", "triggers")
        },
    }


def _modules(kind: str) -> list[str]:
    # Listed rather than imported: Airflow asks for this in every process.
    folder = Path(__file__).parent / kind
    return sorted(f"a2i.{kind}.{path.stem}" for path in folder.glob("*.py") if path.stem != "__init__")
