"""Operators for human task UIs, flow definitions and batches of human loops."""
