"""Key-value pairs out of Textract's blocks, as A2I puts them into a human loop's input and gets them back.

Whatever is not of that shape has no pairs: contents are what callers and reviewers send.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ANSWER_KEY = "AWS/Textract/AnalyzeDocument/Forms/V1"
"""The one member of such an answer, A2I Output Data."""


@dataclass(frozen=True)
class Pair:
    """A key and its value, as texts."""

    key: str
    value: str


def predicted_pairs(task_input: Any) -> dict[str, Pair]:
    """Return the pairs that were shown, by the id of their key's block."""
    response = task_input.get("selectedAiServiceResponse") if isinstance(task_input, dict) else None
    return _pairs(response)


def answered_pairs(answer: dict[str, Any]) -> dict[str, Pair] | None:
    """Return the pairs of an answer, by the id of their key's block; ``None`` if it is of another kind.

    A pair that the reviewer kept or corrected has the id that it had; one that they added has a new one.
    """
    return _pairs(answer[ANSWER_KEY]) if ANSWER_KEY in answer else None


def _pairs(content: Any) -> dict[str, Pair]:
    listed = content.get("blocks") if isinstance(content, dict) else None
    blocks = {
        block["id"]: block
        for block in (listed if isinstance(listed, list) else [])
        if isinstance(block, dict) and isinstance(block.get("id"), str)
    }
    pairs = {}
    for identifier, block in blocks.items():
        kinds = block.get("entityTypes")
        if block.get("blockType") != "KEY_VALUE_SET" or not isinstance(kinds, list) or "KEY" not in kinds:
            continue
        values = [_text(blocks, value) for value in _related(blocks, block, "VALUE")]
        pairs[identifier] = Pair(_text(blocks, block), " ".join(values))
    return pairs


def _text(blocks: dict[str, dict[str, Any]], block: dict[str, Any]) -> str:
    words = [child.get("text") for child in _related(blocks, block, "CHILD")]
    return " ".join(word for word in words if isinstance(word, str))


def _related(blocks: dict[str, dict[str, Any]], block: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    relationships = block.get("relationships")
    return [
        blocks[identifier]
        for relationship in (relationships if isinstance(relationships, list) else [])
        if isinstance(relationship, dict) and relationship.get("type") == kind
        for identifier in (relationship["ids"] if isinstance(relationship.get("ids"), list) else [])
        if isinstance(identifier, str) and identifier in blocks
    ]
