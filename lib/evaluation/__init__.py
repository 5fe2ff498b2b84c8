"""Metrics on arrays, with intervals over worlds. Nothing here trains."""
