"""Repairing the data before anybody learns from them."""
