"""Link to a flow definition."""

from __future__ import annotations

from a2i.links.base import A2ILink


class A2IFlowDefinitionLink(A2ILink):
    """Link to a flow definition's human loops, in the console of Amazon A2I or on Review Desk's page for leads."""

    name = "Flow definition"
    key = "a2i_flow_definition"
