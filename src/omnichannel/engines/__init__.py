"""Engines wake workers and fan out; rows are the truth, so a lost wake-up costs one sweep."""
