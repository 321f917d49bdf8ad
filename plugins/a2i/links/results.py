"""Link to the answers in S3."""

from __future__ import annotations

from a2i.links.base import A2ILink


class A2IResultsLink(A2ILink):
    """Link to the answers: the console of Amazon S3, or the address at the store that the connection names."""

    name = "Answers in S3"
    key = "a2i_results"
