"""Freedoom: footage of a real game that is free, with the class of every pixel."""
