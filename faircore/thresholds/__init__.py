"""Thresholds that differ by group: the exact trade-off for a score there is."""
