"""Names of batches, human loops and versioned resources. Pure: neither Airflow nor boto3.

Every name is a digest of what it stands for, so that a retry, a clear or a killed worker arrives at the same name
and starts nothing twice.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Final

#: Names of human loops, human task UIs and flow definitions (A2I API: ``HumanLoopName``, ``FlowDefinitionName``).
NAME_PATTERN: Final = re.compile(r"[a-z0-9](-*[a-z0-9])*")
NAME_LENGTH: Final = 63

_BATCH_DIGITS: Final = 24
_ITEM_DIGITS: Final = 32
_VERSION_DIGITS: Final = 12


def digest(*parts: object) -> str:
    """Return a hexadecimal SHA-256 of the parts; parts that differ anywhere give another digest."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def batch_id(*, dag_id: str, run_id: str, task_id: str, map_index: int = -1, round: int = 1) -> str:  # noqa: A002
    """Return the id of the batch that one task instance starts.

    The number of the try is left out on purpose: every try of a task is the same batch.

    :param map_index: index of a mapped task, -1 for a task that is not mapped.
    :param round: 1 at first; a higher number sends the same items to people again.
    """
    return digest("batch", dag_id, run_id, task_id, map_index, round)[:_BATCH_DIGITS]


def task_human_loop_name(
    *,
    dag_id: str,
    run_id: str,
    task_id: str,
    map_index: int = -1,
    round: int = 1,  # noqa: A002
) -> str:
    """Return the name of the one human loop that a task instance starts, the same in every try.

    :param map_index: index of a mapped task, -1 for a task that is not mapped.
    :param round: 1 at first; a higher number sends the same item to people again.
    """
    return digest("human-loop", dag_id, run_id, task_id, map_index, round)[:_ITEM_DIGITS]


def human_loop_name(batch: str, item_id: str) -> str:
    """Return the name of an item's human loop: at most 63 characters, the batch's prefix first."""
    return f"{human_loop_prefix(batch)}{digest('item', batch, item_id)[:_ITEM_DIGITS]}"


def human_loop_prefix(batch: str) -> str:
    """Return what the names of all human loops of a batch begin with, and those of no other batch."""
    return f"{batch}-"


def versioned_name(name: str, configuration: object) -> str:
    """Return ``name`` with a digest of a configuration, cut to 63 characters.

    Flow definitions and human task UIs cannot be updated, so another configuration needs another name.
    """
    version = digest("version", configuration)[:_VERSION_DIGITS]
    stem = name[: NAME_LENGTH - len(version) - 1].rstrip("-")
    return f"{stem}-{version}"


def invalid_name(name: str) -> str | None:
    """Return what is wrong with the name of a flow definition or human task UI, or None."""
    if len(name) > NAME_LENGTH:
        return f"{name!r} has {len(name)} characters, at most {NAME_LENGTH} are allowed"
    if not NAME_PATTERN.fullmatch(name):
        return f"{name!r} may hold lower-case letters, digits and hyphens only, and no hyphen at either end"
    return None


def resource_name(name_or_arn: str) -> str:
    """Return the name in an ARN of a flow definition, human task UI or work team; a name is returned as it is."""
    return name_or_arn.rpartition("/")[2] if name_or_arn.startswith("arn:") else name_or_arn
