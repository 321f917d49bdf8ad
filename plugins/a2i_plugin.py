"""The Airflow plugin: what the Airflow UI needs to know of the operator library."""

from __future__ import annotations

from a2i.compat import AirflowPlugin
from a2i.links.flow_definition import A2IFlowDefinitionLink
from a2i.links.human_loop import A2IHumanLoopLink
from a2i.links.results import A2IResultsLink
from a2i.links.review_portal import A2IReviewPortalLink


class A2IPlugin(AirflowPlugin):  # type: ignore[misc]
    """Registers the links from a task to its human reviews."""

    name = "a2i"
    operator_extra_links = [
        A2IReviewPortalLink(),
        A2IFlowDefinitionLink(),
        A2IHumanLoopLink(),
        A2IResultsLink(),
    ]
