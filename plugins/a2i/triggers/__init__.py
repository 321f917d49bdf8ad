"""Triggers: the waiting half of the deferrable operators and sensors."""
