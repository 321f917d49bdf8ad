"""What a worker task template loads from AWS, and where Review Desk has its own instead."""

from __future__ import annotations

import re

AWS_ORIGIN = "https://assets.crowd.aws"
AWS_SCRIPT_URL = f"{AWS_ORIGIN}/crowd-html-elements.js"

_SCRIPT = re.compile(r"(?:https?:)?//assets\.crowd\.aws/crowd-html-elements(?:-v\d+)?\.js")
_PICTURE = re.compile(r"(?:https?:)?//assets\.crowd\.aws/images/a2i-console/(?P<name>[\w.%/-]{1,200})")

_DRAWINGS = {
    "correct-value-text": "wrong-value",
    "correct-value": "wrong-value",
    "not-a-key-value-pair": "not-a-pair",
    "key-is-not-found": "missing-key",
    "value-is-blank": "blank-value",
    "sample-key-value-pair-1": "correct-pair",
    "sample-key-value-pair-2": "correct-pair",
    "multiple-lines": "correct-pair",
}
"""Our drawing for each picture that A2I's own instructions name."""


def localise(html: str, script_url: str) -> str:
    """Replace AWS's crowd-html-elements script and instruction pictures by ours, wherever a rendered page names them.

    :param script_url: address of Review Desk's own elements; it is put in as it is, into an attribute. Our
        drawings are in the folder ``images`` beside it.
    """
    images_url = f"{script_url.partition('?')[0].rpartition('/')[0]}/images"
    page = _SCRIPT.sub(lambda _: script_url, html)
    return _PICTURE.sub(lambda found: f"{images_url}/{drawing_for(found['name'])}", page)


def drawing_for(name: str) -> str:
    """Return the file of our drawing for a picture of A2I's console; a name that is not known gets a neutral one."""
    stem = name.rpartition("/")[2].partition(".")[0].lower()
    neutral = "moderation" if "moderation" in name.lower() else "example"
    return f"{_DRAWINGS.get(stem, neutral)}.svg"
