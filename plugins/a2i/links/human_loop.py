"""Link to a human loop."""

from __future__ import annotations

from a2i.links.base import A2ILink


class A2IHumanLoopLink(A2ILink):
    """Link to one human loop, in the console of Amazon A2I or on Review Desk's page for leads."""

    name = "Human loop"
    key = "a2i_human_loop"
