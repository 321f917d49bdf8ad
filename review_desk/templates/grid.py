"""Whether a worker task template allows a grid: ``<meta name="review-desk-grid" content="9">``."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from review_desk.templates.scan import LIQUID

GRID_META = "review-desk-grid"
MOST_IN_GRID = 9
"""One for each of the keys 1 to 9."""

GRID_META_WITHIN_CHARS = 10_000
"""The service looks for it no further: a hostile template costs little then."""


def grid_number(text: str) -> int | None:
    """Read the number of tasks that a grid shows, or ``None`` if it is none from 1 to 9."""
    return int(text) if re.fullmatch(r"\s*[1-9]\s*", text, re.ASCII) else None


def grid_size(content: str) -> int | None:
    """Return how many tasks of a template may be shown at once, or ``None`` if it does not allow a grid.

    :param content: the template as it is written: what Liquid prints does not count.
    """
    beginning = content[:GRID_META_WITHIN_CHARS]
    if GRID_META not in beginning.lower():
        return None
    metas = _Metas()
    metas.feed(LIQUID.sub("", beginning))
    metas.close()
    return metas.size


class _Metas(HTMLParser):
    """Finds the first meta element that allows a grid."""

    def __init__(self) -> None:
        super().__init__()
        self.size: int | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in reversed(attrs)}
        if tag == "meta" and attributes.get("name", "").lower() == GRID_META and self.size is None:
            self.size = grid_number(attributes.get("content", ""))
