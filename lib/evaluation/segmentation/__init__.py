"""Segments without labels: features of a sequence, UMAP, HDBSCAN, and how good the result is."""
