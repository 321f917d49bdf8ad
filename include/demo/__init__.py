"""The demo: sample forms, simulated reviewers and the supervisor of the local stack."""
