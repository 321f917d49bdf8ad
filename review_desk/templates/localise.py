"""The place of the crowd-html-elements script."""

from __future__ import annotations

import re

AWS_SCRIPT_URL = "https://assets.crowd.aws/crowd-html-elements.js"

_SCRIPT = re.compile(r"(?:https?:)?//assets\.crowd\.aws/crowd-html-elements(?:-v\d+)?\.js")


def localise(html: str, script_url: str) -> str:
    """Replace the address of AWS's crowd-html-elements script by ours, wherever a rendered page names it.

    :param script_url: address of Review Desk's own elements; it is put in as it is, into an attribute.
    """
    return _SCRIPT.sub(lambda _: script_url, html)
