"""Review Desk: a self-hosted service with the API of Amazon Augmented AI (A2I) and a portal for reviewers."""

__version__ = "0.1.0"
