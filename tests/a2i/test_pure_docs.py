"""The examples of the pages on activation conditions and consensus do what they say."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from a2i.activation import parse_conditions

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["activation-conditions.md", "consensus.md"]


@pytest.mark.parametrize("page", PAGES)
def test_python_examples(page: str) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    assert blocks
    example = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, page, page, 0)
    said: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert result.attempted
    assert not result.failed, "".join(said)


def test_conditions_in_json() -> None:
    blocks = re.findall(r"```json (\w+)\n(.*?)```", (DOCS / PAGES[0]).read_text(), re.DOTALL)
    assert [task_type for task_type, _ in blocks] == ["textract", "rekognition", "custom"]
    for task_type, document in blocks:
        assert parse_conditions(document, task_type).entries
