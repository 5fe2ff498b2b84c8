"""Seeing Games: what neural networks learn from game pixels, as a book that runs.

Imports point one way::

    worlds -> data -> models -> training -> evaluation -> figures -> book

Axes are named alike everywhere: ``b`` batch, ``t`` frames in time, ``n`` objects or positions,
``k`` codes, ``d`` features, ``c h w`` channels, rows, columns. Images are float32 in [0, 1] with
axes ``c h w`` inside models and uint8 in [0, 255] with axes ``h w c`` on disk and in figures.
Sizes are always (rows, columns).
"""
