"""A linear look at a template's markup before the Liquid lexer sees it.

The lexer's regular expressions take time in the square of the text for markup that is never closed, for raw
blocks without an end and for long runs of spaces inside markup. One pass finds all three first, and gives the
line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from review_desk.templates.limits import TemplateError

MAX_TEMPLATE_CHARS = 128_000
"""A2I's own bound of UiTemplate.Content."""

MAX_MARKUP_CHARS = 10_000
MAX_SPACES_IN_MARKUP = 200

LIQUID = re.compile(
    r"\{%-?\s*(?P<block>comment|doc)\s*-?%\}.*?\{%-?\s*end(?P=block)\s*-?%\}|\{\{.*?\}\}|\{%.*?%\}", re.DOTALL
)
"""Markup, with all that is in a comment."""

_OPEN = re.compile(r"\{\{|\{%")
_BLOCKS = {
    "raw": re.compile(r"\{%-?\s{0,100}endraw\s{0,100}-?%\}"),
    "doc": re.compile(r"\{%-?\s{0,100}enddoc\s{0,100}-?%\}"),
}
_TAG_NAME = re.compile(r"-?\s{0,100}(\w{1,40})")
_SPACES = re.compile(rf"\s{{{MAX_SPACES_IN_MARKUP}}}")


def line_of(content: str, index: int) -> int:
    """Return the line, counted from 1, in which a character stands."""
    return content.count("\n", 0, index) + 1


def scan(content: str) -> None:
    """Check that every piece of markup ends and has a bearable size.

    :raises TemplateError: with the line of the first that does not.
    """
    if len(content) > MAX_TEMPLATE_CHARS:
        raise TemplateError(f"the template has {len(content)} characters, the limit is {MAX_TEMPLATE_CHARS}")
    for start, end in _markup(content):
        size = end - start
        if size > MAX_MARKUP_CHARS:
            raise TemplateError(
                f"markup of {size} characters, the limit is {MAX_MARKUP_CHARS}", line_of(content, start)
            )
        if _SPACES.search(content, start, end):
            raise TemplateError(
                f"{MAX_SPACES_IN_MARKUP} spaces in a row inside markup", line_of(content, start)
            )


def _markup(content: str) -> Iterator[tuple[int, int]]:
    position = 0
    while match := _OPEN.search(content, position):
        start = match.start()
        closing = "}}" if match.group() == "{{" else "%}"
        end = content.find(closing, match.end())
        if end < 0:
            raise TemplateError(f"expected '{closing}', found end of file", line_of(content, start))
        position = end + 2
        yield start, position
        name = _TAG_NAME.match(content, match.end()) if closing == "%}" else None
        if name and (block_end := _BLOCKS.get(name.group(1))):
            ended = block_end.search(content, position)
            if ended is None:
                raise TemplateError(f"the '{name.group(1)}' tag is never closed", line_of(content, start))
            position = ended.end()
