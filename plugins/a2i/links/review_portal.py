"""Link to where people review."""

from __future__ import annotations

from a2i.links.base import A2ILink


class A2IReviewPortalLink(A2ILink):
    """Link to the console of Amazon A2I, or to the portal of the Review Desk that the connection names."""

    name = "Human reviews"
    key = "a2i_review_portal"
