"""Link to where people review."""

from __future__ import annotations

from typing import Any

from a2i.compat import BaseAwsLink


class A2IReviewPortalLink(BaseAwsLink):
    """Link to the console of Amazon A2I, or to the portal of the Review Desk that the connection names."""

    name = "Human reviews"
    key = "a2i_review_portal"
    format_str = "{url}"

    def format_link(self, **kwargs: Any) -> str:
        """Return the address as the task stored it."""
        return str(kwargs.get("url") or "")
