"""Footage anyone can make offline, from seeds, with ground truth, in the original layouts."""
