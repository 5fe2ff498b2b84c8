"""Figures from arrays, one module a chapter."""
