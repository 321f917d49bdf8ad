"""Operators for human task UIs, flow definitions, human loops and batches of them."""
